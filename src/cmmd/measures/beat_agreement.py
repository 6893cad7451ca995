"""Whether two clips of dance or music have their beats together, told from both sides.

Beats are found by dynamic programming over onset strength (Ellis, "Beat tracking by dynamic programming", 2007). Cover
and hit rate of dance-to-music papers (D2M-GAN, arXiv 2204.00604) round beats to whole seconds or to their number, and
give full marks to music in anti-phase; here beats pair one to one within `TOLERANCE`.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cmmd.measures.alignment import Times, match_events
from cmmd.measures.sound_onsets import HOP_SECONDS, whitened_bands

TOLERANCE = 0.07  # seconds, that of mir_eval's F-measure of beats
FASTEST, SLOWEST = 0.25, 1.0  # seconds a beat: 240 to 60 a minute
USUAL = 0.5  # seconds a beat, the middle of the preference among tempos
WIDTH = 1.0  # octaves, standard deviation of that preference
TIGHTNESS = 100.0


@dataclass(frozen=True, slots=True)
class BeatAgreement:
    """found: share of the beats found that have a true one (precision). true: share of the true beats that are found
    (recall). nan where there are none."""

    found: float
    true: float

    @property
    def f1(self) -> float:
        """Harmonic mean; 0 where nothing pairs, nan where a side is empty."""
        if np.isnan(self.found) or np.isnan(self.true):
            return float("nan")
        total = self.found + self.true
        return 2 * self.found * self.true / total if total else 0.0


def beat_agreement(found: Times, true: Times, *, tolerance: float | int = TOLERANCE) -> BeatAgreement:
    """Of beat times (s) of one clip."""
    pairs = len(match_events(found, true, tolerance=float(tolerance)).pairs)
    nan = float("nan")
    return BeatAgreement(pairs / len(found) if len(found) else nan, pairs / len(true) if len(true) else nan)


def beat_times(waveform: Float[np.ndarray, " s"], *, sample_rate: int) -> Float[np.ndarray, " beats"]:
    """Times (s) of a steady pulse through the strongest onsets; empty for silence and below 0.5 s of sound."""
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
    """Hops a beat: the lag of the largest autocorrelation, near lags of 0.5 s preferred."""
    centred = strength - strength.mean()
    last = min(round(SLOWEST / HOP_SECONDS), len(strength) - 1)
    lags = np.arange(round(FASTEST / HOP_SECONDS), last + 1)
    if len(lags) == 0:
        return last
    correlation = np.array([centred[lag:] @ centred[:-lag] for lag in lags])
    preference = np.exp(-0.5 * (np.log2(lags * HOP_SECONDS / USUAL) / WIDTH) ** 2)
    return int(lags[np.argmax(correlation * preference)])


def _pulse(strength: np.ndarray, period: int) -> np.ndarray:
    """Hops of the best chain: strength gathered, less `TIGHTNESS` times the squared log of step over period."""
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
    # The chain ends on an onset of the last period: later hops only carry the score on.
    tail = np.arange(max(0, len(strength) - period), len(strength))
    at = int(tail[np.argmax(score[tail])])
    chain = []
    while at >= 0:
        chain.append(at)
        at = int(before[at])
    beats = np.array(chain[::-1])
    loud = strength[beats] > 0.5 * np.sqrt(np.mean(strength[beats] ** 2))
    inside = np.flatnonzero(loud)  # the pulse does not begin before the sound does, nor end after it
    return beats[inside[0] : inside[-1] + 1] if len(inside) else beats[:0]
