"""Measurement of the pictures of a file during decoding, one picture at a time (ours).

Only tiny grey pictures are retained: ten per second of 64 bytes each, 2.3 MB per hour.
"""

from array import array
from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from cmmd.clips.decoding import Damage, decode_pictures
from cmmd.clips.picture_fit import ordinary_rgb
from cmmd.clips.reading import ROUNDING
from cmmd.clips.stream_choice import Streams
from cmmd.clips.timeline import Holds
from cmmd.doctor.thumbnails import ThumbnailStrip
from cmmd.errors import InputError

SAMPLED_HZ = 10
"""Tiny pictures per second of the file: the default frame rate of training."""
SIDE = 32
"""Side in pixels of the picture on which contrast and change are measured."""
CELLS = 8
"""Side in pixels of the retained picture."""
TICK = Fraction(1, 10_000)
"""s; resolution of gaps between pictures, finer than the clock of any container in use."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PictureMeasures:
    """Measurements of the picture.

    count: number of pictures. seconds: when the last picture ends. usual_gap: median time that a picture is shown, in
    s. uneven: share of pictures whose time differs from the median by more than a fifth and 2 ms. longest_gap,
    longest_gap_at: longest time that a picture is shown, and its start, in s.

    contrast: largest standard deviation of grey within a small picture. change: largest change of a pixel of the small
    picture since the first one. Both are in grey levels (0 to 255). flagged: pictures that the decoder marked as
    corrupt. damage: decoding errors.
    """

    count: int
    seconds: float
    usual_gap: float
    uneven: float
    longest_gap: float
    longest_gap_at: float
    contrast: float
    change: float
    flagged: int
    damage: Damage


@dataclass(frozen=True, kw_only=True, slots=True)
class PictureTrace:
    """Measurements, and two series at SAMPLED_HZ.

    cells: tiny grey pictures. motion: mean absolute change since the previous sample, in grey levels.
    """

    measures: PictureMeasures
    cells: UInt8[np.ndarray, "n 8 8"]
    motion: Float[np.ndarray, " n"]


def watch(path: Path, streams: Streams, *, strip: ThumbnailStrip | None = None) -> PictureTrace:
    """Decode the chosen video stream once; the pictures are also added to `strip`.

    Raises InputError if no picture is shown, or if pictures are held for too long in total (see `Holds`).
    """
    assert streams.video is not None
    damage, gaps, looks, holds = Damage(), _Gaps(), _Looks(), Holds()
    count = flagged = 0
    end = Fraction(0)
    for picture in decode_pictures(path, streams.video, damage=damage):
        count, flagged = count + 1, flagged + picture.frame.is_corrupt
        time = picture.time - streams.origin
        end = time + picture.duration
        holds.add(picture.duration)
        holds.check(path, "picture")
        gaps.add(time, picture.duration)
        if looks.wants(end):
            small = ordinary_rgb(picture.frame, width=SIDE, height=SIDE)
            looks.add(streams.turn.apply(small).mean(axis=2, dtype=np.float32), end)
        if strip is not None:
            strip.add(picture, end)
    if not count or end <= 0:
        raise InputError.about(path, found=f"{float(end):.3f} s of video", expected="a picture that is shown")
    measures = PictureMeasures(
        count=count,
        seconds=float(end),
        usual_gap=gaps.usual,
        uneven=gaps.uneven,
        longest_gap=gaps.longest[0],
        longest_gap_at=gaps.longest[1],
        contrast=looks.contrast,
        change=looks.change,
        flagged=flagged,
        damage=damage,
    )
    cells = np.frombuffer(looks.cells, np.uint8).reshape(-1, CELLS, CELLS)
    return PictureTrace(measures=measures, cells=cells, motion=np.array(looks.motion, np.float32))


class _Gaps:
    """How evenly pictures follow each other. Equal distances are counted: a file has a handful of distinct ones."""

    def __init__(self) -> None:
        self.longest = 0.0, 0.0
        self._counts: Counter[int] = Counter()

    def add(self, time: Fraction, duration: Fraction) -> None:
        self._counts[round(duration / TICK)] += 1
        if duration > self.longest[0]:
            self.longest = float(duration), float(time)

    @property
    def usual(self) -> float:
        """The median in seconds."""
        seen, half = 0, self._counts.total() / 2
        for ticks, number in sorted(self._counts.items()):
            seen += number
            if seen >= half:
                return float(ticks * TICK)
        return 0.0

    @property
    def uneven(self) -> float:
        # Containers with a millisecond clock give 33 and 34 ms at 30 Hz, which counts as even.
        allowed = max(0.2 * self.usual, 0.002)
        off = sum(number for ticks, number in self._counts.items() if abs(float(ticks * TICK) - self.usual) > allowed)
        return off / max(1, self._counts.total())


class _Looks:
    """Contrast, change, cells and motion of the pictures sampled every 1 / SAMPLED_HZ seconds."""

    def __init__(self) -> None:
        self.contrast = self.change = 0.0
        self.cells = bytearray()
        self.motion = array("f")
        self._first: np.ndarray | None = None
        self._last: np.ndarray | None = None

    def wants(self, end: Fraction) -> bool:
        """Whether a picture that is shown until `end` covers the next sample time."""
        return self._due(end) > self._count

    def add(self, grey: np.ndarray, end: Fraction) -> None:
        """Add a grey picture (SIDE, SIDE), levels from 0 to 255, that is shown until `end`."""
        self._first = grey if self._first is None else self._first
        moved = 0.0 if self._last is None else float(np.abs(grey - self._last).mean())
        self._last = grey
        self.contrast = max(self.contrast, float(grey.std()))
        self.change = max(self.change, float(np.abs(grey - self._first).max()))
        part = SIDE // CELLS
        cells = grey.reshape(CELLS, part, CELLS, part).mean(axis=(1, 3)).round().astype(np.uint8)
        due = self._due(end) - self._count
        self.cells += cells.tobytes() * due
        self.motion.extend([moved] + [0.0] * (due - 1))

    @property
    def _count(self) -> int:
        return len(self.cells) // CELLS**2

    def _due(self, end: Fraction) -> int:
        return ceil((end - ROUNDING) * SAMPLED_HZ)
