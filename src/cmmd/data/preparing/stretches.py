"""Limits the number of stretches by the content of a file: a table may claim any duration (ours)."""

import math
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from av.error import FFmpegError

from cmmd.clips.opening import open_media
from cmmd.errors import InputError

FEW = 100
"""Up to this number, all stretches are tried. A file is scanned only if a table asks for more."""


class _Held(NamedTuple):
    """seconds: between the first and the last packet. packets: number in all streams."""

    seconds: float
    packets: int


def stretches_held(file: Path, count: int, *, start: float, seconds: float) -> int:
    """Returns how many of `count` consecutive stretches of `seconds`, from `start` on, may have content.

    At least 1 for a file that cannot be read: the reason is reported when it is cut.
    """
    if count <= FEW:
        return count
    held = _held(file)
    return max(1, min(count, math.ceil((held.seconds - start) / seconds) + 1, held.packets))


@lru_cache(maxsize=64)
def _held(file: Path) -> _Held:
    first, last, packets = math.inf, -math.inf, 0
    try:
        with open_media(file) as container:
            for packet in container.demux():
                if packet.pts is not None and packet.time_base is not None:
                    time = float(packet.pts * packet.time_base)
                    first, last, packets = min(first, time), max(last, time), packets + 1
    except (InputError, FFmpegError, OSError, ValueError):  # reported when the file is cut
        pass
    return _Held(max(0.0, last - first), packets)
