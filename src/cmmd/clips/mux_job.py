"""What it takes to put a waveform under the picture of a file, whether that is copied or encoded again (ours)."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cmmd.clips.encoding import ContainerKind
from cmmd.clips.packet_scan import PacketScan
from cmmd.clips.stream_choice import Streams


@dataclass(frozen=True, kw_only=True, slots=True)
class MuxJob:
    """The source, its chosen streams and the packets of its picture; the container to write.

    waveform: float32 (s,) or (2, s) at `sample_rate` Hz, from the origin of the streams on and as long as the picture.
    keep_sound: the old sound becomes a further track, copied; or encoded from `old_sound`, float32 (2, s) at
    `FULL_RATE`, if that is given. alone: leave out all else that the source holds.
    """

    source: Path
    streams: Streams
    scan: PacketScan
    kind: ContainerKind
    waveform: np.ndarray
    sample_rate: int
    keep_sound: bool = False
    old_sound: np.ndarray | None = None
    alone: bool = False

    @property
    def seconds(self) -> Fraction:
        """Length of the picture, and of the result."""
        return self.scan.end_seconds - self.streams.origin


class MuxNotes(NamedTuple):
    """What is to be told of a result. changes: a sentence each. left_out: a phrase each."""

    changes: list[str]
    left_out: list[str]
