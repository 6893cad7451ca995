"""The sound of a file in two channels, at the rate that files are delivered in (ours)."""

from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cmmd.clips.channel_mix import StereoSide
from cmmd.clips.reading import heard
from cmmd.clips.stream_choice import choose_streams

FULL_RATE = 48_000
"""Hz of sound that is delivered: the 16 kHz of a model would be a loss to the clip's own."""


class StereoSound(NamedTuple):
    """waveform: float32 (2, s) at `FULL_RATE`. end: s after its start at which the file's sound ends; silence fills the
    rest. notes: what became of its channels, a sentence at most."""

    waveform: np.ndarray
    end: float
    notes: tuple[str, ...] = ()


def read_stereo(
    path: Path, *, start: Fraction | int = 0, seconds: Fraction | float | int | None = None
) -> StereoSound | None:
    """The sound of a file from `start` s after its time zero on, `seconds` long (to its own end without); None where it
    has none that can be decoded.

    Placed by its timestamps as `read_clip` does it. Two channels stay as they are. One is heard on both sides, and so
    is the mean of more than two. Raises InputError for a file that cannot be read.
    """
    streams = choose_streams(path)
    if streams.audio is None:
        return None
    begin = Fraction(start)
    span = None if seconds is None else Fraction(seconds).limit_denominator(1_000_000)
    sides, end = [], Fraction(0)
    for side in (0, 1):
        mix = StereoSide(side)
        line, _ = heard(path, streams, begin, span, mix, sample_rate=FULL_RATE)
        end = max(line.end, Fraction(0))
        end = end if span is None else min(end, span)
        sides.append(line.finish(end if span is None else span))
        if mix.channels == 1:
            sides.append(sides[0])
            break
    notes = (f"the mean of {mix.channels} channels is heard on both sides",) if mix.channels > 2 else ()
    return StereoSound(np.stack(sides), float(end), notes)
