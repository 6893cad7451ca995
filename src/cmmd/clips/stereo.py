"""Reads the sound of a file in two channels, at the sample rate for delivery (ours)."""

from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cmmd.clips.channel_mix import StereoSide
from cmmd.clips.reading import heard
from cmmd.clips.stream_choice import choose_streams

FULL_RATE = 48_000
"""Hz of delivered sound: the 16 kHz of a model would degrade the original sound of the clip."""


class StereoSound(NamedTuple):
    """waveform: float32 (2, s) at `FULL_RATE`. end: end of the file's sound, in seconds after the start of the
    waveform; silence fills the rest. notes: at most one sentence on how its channels were mixed."""

    waveform: np.ndarray
    end: float
    notes: tuple[str, ...] = ()


def read_stereo(
    path: Path, *, start: Fraction | int = 0, seconds: Fraction | float | int | None = None
) -> StereoSound | None:
    """Reads `seconds` of the sound of a file from `start` s after its time zero, in two channels.

    Without `seconds` it reads to the end of the sound. Returns None if no sound can be decoded. The sound is aligned by
    its timestamps as in `read_clip`. Two channels are not changed. One channel, or the mean of more than two, is used
    for both sides. Raises InputError if the file cannot be read.
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
