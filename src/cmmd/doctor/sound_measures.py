"""What a sound's trace comes to, in a dozen figures (ours)."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cmmd.clips.decoding import Damage
from cmmd.data.preparing.cutting import SILENT
from cmmd.doctor.sound_trace import HOPS, SoundTrace

EXACTLY_ZERO = 1e-5
"""Peak that a decoder makes of nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SoundMeasures:
    """first, end: seconds after time zero. rate: Hz. gaps: places without sound in between. peak: 1 is full scale.
    clipped: the share of samples in runs at full scale. damage: what was skipped.

    level: RMS up to where the picture ends, loudest: that of the loudest stretch as long as the shortest useful clip.
    silent: seconds too silent to be prepared. zero: the longest stretch of exactly nothing between two sounds, in
    seconds, and zero_at where it begins.
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
    """Of the part that belongs to a picture of so many seconds (or to all, where there is none)."""
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
    """The largest RMS of any stretch of so many seconds (of the whole, if that is shorter)."""
    hops = min(len(energy), max(1, round(seconds * HOPS)))
    if not hops:
        return 0.0
    total = np.concatenate([[0.0], np.cumsum(energy)])
    return float(np.sqrt(max(0.0, (total[hops:] - total[:-hops]).max() / hops)))


def _silent_seconds(energy: np.ndarray) -> float:
    """Seconds, of the whole ones and the rest at the end, whose RMS is below SILENT."""
    if not len(energy):
        return 0.0
    starts = np.arange(0, len(energy), HOPS)
    counts = np.diff(starts, append=len(energy))
    level = np.sqrt(np.add.reduceat(energy, starts) / counts)
    return float(counts[level < SILENT].sum() / HOPS)


def _nothing_between(peaks: Float[np.ndarray, " n"]) -> tuple[float, float]:
    """Length and start, in seconds, of the longest stretch of nothing between two sounds."""
    heard = np.flatnonzero(peaks > EXACTLY_ZERO)
    if len(heard) < 2:
        return 0.0, 0.0
    steps = np.diff(heard)
    longest = int(steps.argmax())
    return float((steps[longest] - 1) / HOPS), float((heard[longest] + 1) / HOPS)
