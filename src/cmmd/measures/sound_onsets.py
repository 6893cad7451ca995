"""Detects onsets in sound: whitened spectral flux, then refinement by the rise of the local energy (ours).

The same detector is used on the world's true sound (its ceiling), on generated sound and on real recordings. Each band
is measured relative to its own noise floor, so that a faint event in a quiet band is detected next to a loud event, and
steady noise is ignored.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float
from scipy.ndimage import median_filter
from torch import Tensor

HOP_SECONDS = 0.005
WINDOW_SECONDS = 0.024  # long enough to separate 80 Hz modes, short enough to limit an attack to five hops
PAST_HOPS = 12  # a band rises when it exceeds its maximum from 60 to 15 ms ago
FINE_HOP_SECONDS = 0.001
FINE_WINDOW_SECONDS = 0.010
BANDS = 40
LOWEST_HZ = 60.0


@dataclass(frozen=True, kw_only=True, slots=True)
class OnsetSettings:
    """Times in seconds; `delta` and `rise` in nepers of band energy, `loudness` in dB below the loudest moment.

    Raises ValueError unless minimum_gap and median_window are above 0.
    """

    delta: float = 0.2  # minimum of the mean rise over all bands minus its local median
    rise: float = 1.2  # minimum mean rise of the strongest bands: 1.2 nepers of energy are 5 dB
    loudness: float = 50.0  # events further below the loudest one are ignored
    minimum_gap: float = 0.1
    median_window: float = 0.5

    def __post_init__(self) -> None:
        if self.minimum_gap <= 0 or self.median_window <= 0:
            raise ValueError(
                f"minimum_gap and median_window must be positive, got {self.minimum_gap} and {self.median_window}"
            )


RECORDINGS = OnsetSettings(delta=0.1, rise=0.6)
"""For real recordings, where strokes overlap with the reverberation of earlier ones. The higher defaults suffice for
the world's sound, and noise does not reach them."""


@dataclass(frozen=True, slots=True)
class Onsets:
    """Event times in seconds, ascending, and strengths (nepers of band energy; mean rise above its local median)."""

    times: Float[np.ndarray, " events"]
    strengths: Float[np.ndarray, " events"]

    def __len__(self) -> int:
        return len(self.times)


def sound_onsets(
    waveform: Float[np.ndarray, " s"] | Float[Tensor, " s"],
    *,
    sample_rate: int = 16000,
    settings: OnsetSettings | None = None,
) -> Onsets:
    """Returns the onsets of a mono waveform; none for silence, for steady noise and for less than 50 ms of sound.

    Raises ValueError when the waveform has values that are not finite.
    """
    settings = settings or OnsetSettings()
    sound = _as_array(waveform)
    if not np.isfinite(sound).all():
        raise ValueError("the waveform holds values that are not finite")
    if len(sound) < 0.05 * sample_rate or np.abs(sound).max() < 1e-6:
        return Onsets(np.zeros(0), np.zeros(0))
    level = whitened_bands(sound, sample_rate=sample_rate, loudness=settings.loudness)
    strength, gain = _rise(level)
    strength = strength - _local_median(strength, settings.median_window)
    times, strengths = [], []
    for peak in _peaks(strength, settings.delta, settings.minimum_gap):
        if gain[peak] < settings.rise:
            continue
        time = _refine(sound, peak * HOP_SECONDS, level, sample_rate=sample_rate)
        if times and time - times[-1] < settings.minimum_gap / 2:
            continue
        times.append(time)
        strengths.append(strength[peak])
    return Onsets(np.asarray(times, dtype=float), np.asarray(strengths, dtype=float))


def whitened_bands(
    sound: Float[np.ndarray, " s"], *, sample_rate: int, loudness: float = 50.0
) -> Float[np.ndarray, "m n"]:
    """Returns log(1 + energy / noise floor) of `BANDS` log-spaced bands every 5 ms.

    The floor of a band is the larger of three times its 20th percentile over time (so that fluctuations of noise remain
    small) and `loudness` dB below the loudest band energy of the clip.
    """
    energy = _band_energy(sound, sample_rate, HOP_SECONDS, WINDOW_SECONDS)
    floor = np.maximum(3.0 * np.quantile(energy, 0.2, axis=1, keepdims=True), energy.max() * 10 ** (-loudness / 10))
    return np.log1p(energy / (floor + 1e-12))


def _as_array(waveform: np.ndarray | Tensor) -> np.ndarray:
    if isinstance(waveform, Tensor):
        waveform = waveform.detach().cpu().numpy()
    return np.asarray(waveform, dtype=np.float64)


def _stft_power(sound: np.ndarray, hop: int, window: int) -> np.ndarray:
    """|STFT|^2, frame k centred on sample k * hop. Frames that would extend past an end use the nearest whole window:
    zero or mirror padding breaks the phase of a tone, and the break looks like an attack."""
    whole = np.lib.stride_tricks.sliding_window_view(sound, window)
    starts = np.clip(np.arange(0, len(sound) + 1, hop) - window // 2, 0, len(sound) - window)
    return np.abs(np.fft.rfft(whole[starts] * np.hanning(window + 2)[1:-1], axis=1).T) ** 2


@lru_cache(maxsize=8)
def _filters(bins: int, sample_rate: int) -> np.ndarray:
    """Triangular filters with log-spaced centres, at least one bin wide, each summing to one."""
    frequency = np.linspace(0, sample_rate / 2, bins)
    edges = np.geomspace(LOWEST_HZ, 0.98 * sample_rate / 2, BANDS + 2)
    width = np.maximum(edges[2:] - edges[:-2], 2.2 * frequency[1]) / 2
    filters = np.maximum(0, 1 - np.abs(frequency[None] - edges[1:-1, None]) / width[:, None])
    return filters / filters.sum(1, keepdims=True)


def _band_energy(sound: np.ndarray, sample_rate: int, hop: float, window: float) -> np.ndarray:
    power = _stft_power(sound, round(hop * sample_rate), round(window * sample_rate))
    return _filters(power.shape[0], sample_rate) @ power


def _rise(level: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the mean rise over all bands, and the mean rise of the quarter of the bands that rose most.

    The rise is relative to the past maximum of a band and its two neighbours, from 60 to 15 ms before. The neighbours
    exclude gliding tones (SuperFlux, Boeck and Widmer 2013). The length excludes the beating of two low tones, whose
    level only returns to earlier values.
    """
    padded = np.pad(level, ((1, 1), (PAST_HOPS, 0)), mode="edge")
    wide = np.maximum(np.maximum(padded[:-2], padded[2:]), padded[1:-1])
    past = np.lib.stride_tricks.sliding_window_view(wide, PAST_HOPS - 2, axis=1).max(-1)[:, : level.shape[1]]
    rise = np.maximum(0, level - past)
    strongest = np.sort(rise, axis=0)[-BANDS // 4 :]
    return rise.mean(0), strongest.mean(0)


def _local_median(strength: np.ndarray, window: float) -> np.ndarray:
    half = max(1, round(window / HOP_SECONDS / 2))
    return median_filter(strength, 2 * half + 1, mode="mirror" if len(strength) > half else "nearest")


def _peaks(strength: np.ndarray, delta: float, minimum_gap: float) -> list[int]:
    """Returns the hops of local maxima above `delta`, ascending, none closer than `minimum_gap` to a stronger one."""
    inner = np.pad(strength, 1, constant_values=-np.inf)
    candidates = np.flatnonzero((strength > delta) & (strength >= inner[:-2]) & (strength > inner[2:]))
    chosen: list[int] = []
    for candidate in sorted(candidates, key=lambda index: -strength[index]):
        if all(abs(candidate - other) * HOP_SECONDS >= minimum_gap for other in chosen):
            chosen.append(int(candidate))
    return sorted(chosen)


def _refine(sound: np.ndarray, coarse: float, level: np.ndarray, *, sample_rate: int) -> float:
    """Returns the time at which the mean energy of the bands, each relative to its own floor, passes half of its rise.

    A window centred on an attack contains half of it, so the half-rise point is the attack for every window length.
    """
    start, stop = max(0, int((coarse - 0.09) * sample_rate)), int((coarse + 0.06) * sample_rate)
    energy = _band_energy(sound[start:stop], sample_rate, FINE_HOP_SECONDS, FINE_WINDOW_SECONDS)
    times = start / sample_rate + np.arange(energy.shape[1]) * FINE_HOP_SECONDS
    before = energy[:, (times >= coarse - 0.08) & (times < coarse - 0.03)]
    if before.shape[1] == 0:
        before = energy[:, :5]
    floor = before.mean(1) + energy.max() * 1e-5 + 1e-12
    envelope = (energy / floor[:, None]).mean(0)
    near = (times >= coarse - 0.03) & (times <= coarse + 0.03)
    if near.sum() < 3:
        return coarse
    high = envelope[near].max()
    half = 0.5 * (min(1.0, high) + high)
    above = np.flatnonzero(near & (envelope >= half))
    index = int(above[0])
    if index == 0 or envelope[index] <= envelope[index - 1]:
        return float(times[index])
    share = (half - envelope[index - 1]) / (envelope[index] - envelope[index - 1])
    return float(times[index - 1] + np.clip(share, 0, 1) * FINE_HOP_SECONDS)
