"""Precision and recall of the beats of one clip of dance or music against those of another.

Beats are found by dynamic programming over onset strength (Ellis, "Beat tracking by dynamic programming", 2007). The
cover and hit rates of dance-to-music papers (D2M-GAN, arXiv 2204.00604) round beats to whole seconds or only count
them, and give full marks to music in anti-phase. Here beats are paired one to one within `TOLERANCE`.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cmmd.measures.alignment import Times, match_events
from cmmd.measures.sound_onsets import HOP_SECONDS, whitened_bands

TOLERANCE = 0.07  # seconds, as in mir_eval's F-measure of beats
FASTEST, SLOWEST = 0.25, 1.0  # seconds per beat: 240 to 60 beats per minute
USUAL = 0.5  # seconds per beat, centre of the tempo preference
WIDTH = 1.0  # octaves, standard deviation of the tempo preference
TIGHTNESS = 100.0


@dataclass(frozen=True, slots=True)
class BeatAgreement:
    """found: share of the detected beats that match a true one (precision). true: share of the true beats that are
    detected (recall). Each is nan when its side has no beats."""

    found: float
    true: float

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; 0 when no beats match, nan when a side has no beats."""
        if np.isnan(self.found) or np.isnan(self.true):
            return float("nan")
        total = self.found + self.true
        return 2 * self.found * self.true / total if total else 0.0


def beat_agreement(found: Times, true: Times, *, tolerance: float | int = TOLERANCE) -> BeatAgreement:
    """Compares the detected and true beat times (s) of one clip."""
    pairs = len(match_events(found, true, tolerance=float(tolerance)).pairs)
    nan = float("nan")
    return BeatAgreement(pairs / len(found) if len(found) else nan, pairs / len(true) if len(true) else nan)


def beat_times(waveform: Float[np.ndarray, " s"], *, sample_rate: int) -> Float[np.ndarray, " beats"]:
    """Returns the times (s) of a steady pulse through the strongest onsets; empty for silence or less than 0.5 s."""
    if len(waveform) < 0.5 * sample_rate or np.abs(waveform).max() < 1e-6:
        return np.zeros(0)
    level = whitened_bands(np.asarray(waveform, dtype=float), sample_rate=sample_rate)
    rise = np.maximum(0, np.diff(level, axis=1, prepend=level[:, :1])).mean(0)
    strength = np.convolve(rise, np.hanning(9) / np.hanning(9).sum(), mode="same")
    if strength.max() <= 0:
        return np.zeros(0)
    strength = strength / strength.std()
    return _pulse(strength, _period(strength)) * HOP_SECONDS


def _period(strength: np.ndarray) -> int:
    """Returns the hops per beat: the lag of the largest autocorrelation, weighted to prefer lags near 0.5 s."""
    centred = strength - strength.mean()
    last = min(round(SLOWEST / HOP_SECONDS), len(strength) - 1)
    lags = np.arange(round(FASTEST / HOP_SECONDS), last + 1)
    if len(lags) == 0:
        return last
    correlation = np.array([centred[lag:] @ centred[:-lag] for lag in lags])
    preference = np.exp(-0.5 * (np.log2(lags * HOP_SECONDS / USUAL) / WIDTH) ** 2)
    return int(lags[np.argmax(correlation * preference)])


def _pulse(strength: np.ndarray, period: int) -> np.ndarray:
    """Returns the hops of the chain with the best score: the sum of its strengths, minus `TIGHTNESS` times the squared
    log of step / period for each step."""
    score, before = strength.copy(), np.full(len(strength), -1)
    steps = np.arange(max(1, period // 2), 2 * period + 1)
    cost = TIGHTNESS * np.log(steps / period) ** 2
    for now in range(steps[0], len(strength)):
        usable = steps[steps <= now]
        gathered = score[now - usable] - cost[: len(usable)]
        best = int(np.argmax(gathered))
        if gathered[best] > 0:
            score[now] += gathered[best]
            before[now] = now - usable[best]
    # The chain ends at the best score in the last period; hops after it only inherit their score.
    tail = np.arange(max(0, len(strength) - period), len(strength))
    at = int(tail[np.argmax(score[tail])])
    chain = []
    while at >= 0:
        chain.append(at)
        at = int(before[at])
    beats = np.array(chain[::-1])
    loud = strength[beats] > 0.5 * np.sqrt(np.mean(strength[beats] ** 2))
    inside = np.flatnonzero(loud)  # removes beats before the sound begins and after it ends
    return beats[inside[0] : inside[-1] + 1] if len(inside) else beats[:0]
