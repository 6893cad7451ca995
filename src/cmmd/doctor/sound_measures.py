"""Summary figures of a sound trace (ours)."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cmmd.clips.decoding import Damage
from cmmd.data.preparing.cutting import SILENT
from cmmd.doctor.sound_trace import HOPS, SoundTrace

EXACTLY_ZERO = 1e-5
"""Largest peak that a decoder produces from digital silence."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SoundMeasures:
    """Measurements of the sound.

    first, end: seconds after time zero. rate: Hz. gaps: number of gaps in the sound. peak: 1 is full scale. clipped:
    share of samples in runs at full scale. damage: decoding errors.

    level: RMS until the end of the picture. loudest: RMS of the loudest stretch as long as the shortest useful clip.
    silent: seconds below the level that `cmmd prepare` requires. zero, zero_at: length and start, in s, of the longest
    stretch of exact silence between two sounds.
    """

    first: float
    end: float
    rate: int
    gaps: int
    peak: float
    clipped: float
    damage: Damage
    level: float
    loudest: float
    silent: float
    zero: float
    zero_at: float


def sound_measures(trace: SoundTrace, *, seconds: float, shortest: float) -> SoundMeasures:
    """Summarises a trace.

    level, loudest and silent cover the first `seconds` of the sound: the length of the picture, or of the sound if
    there is no picture. shortest: length of the shortest useful clip in s.
    """
    energy = trace.energy[: max(1, round(seconds * HOPS))].astype(np.float64)
    zero, zero_at = _nothing_between(trace.peaks)
    return SoundMeasures(
        first=trace.first,
        end=trace.end,
        rate=trace.rate,
        gaps=trace.gaps,
        peak=trace.peak,
        clipped=trace.clipped,
        damage=trace.damage,
        level=_loudest(energy, seconds),
        loudest=_loudest(energy, shortest),
        silent=_silent_seconds(energy),
        zero=zero,
        zero_at=zero_at,
    )


def _loudest(energy: np.ndarray, seconds: float) -> float:
    """Largest RMS of any stretch of `seconds` (of the whole sound if it is shorter)."""
    hops = min(len(energy), max(1, round(seconds * HOPS)))
    if not hops:
        return 0.0
    total = np.concatenate([[0.0], np.cumsum(energy)])
    return float(np.sqrt(max(0.0, (total[hops:] - total[:-hops]).max() / hops)))


def _silent_seconds(energy: np.ndarray) -> float:
    """Total length in s of the one-second blocks (the last may be shorter) whose RMS is below SILENT."""
    if not len(energy):
        return 0.0
    starts = np.arange(0, len(energy), HOPS)
    counts = np.diff(starts, append=len(energy))
    level = np.sqrt(np.add.reduceat(energy, starts) / counts)
    return float(counts[level < SILENT].sum() / HOPS)


def _nothing_between(peaks: Float[np.ndarray, " n"]) -> tuple[float, float]:
    """Length and start, in seconds, of the longest stretch of exact silence between two sounds."""
    heard = np.flatnonzero(peaks > EXACTLY_ZERO)
    if len(heard) < 2:
        return 0.0, 0.0
    steps = np.diff(heard)
    longest = int(steps.argmax())
    return float((steps[longest] - 1) / HOPS), float((heard[longest] + 1) / HOPS)
