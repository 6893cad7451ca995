"""Sounds whose events are known: struck bars (decaying inharmonic modes) in steady noise."""

from typing import NamedTuple

import numpy as np

SAMPLE_RATE = 16000
RATIOS = ((1.0, 1.0), (2.76, 0.6), (5.4, 0.35), (8.9, 0.2))


class MadeSound(NamedTuple):
    waveform: np.ndarray
    times: np.ndarray


def struck_bar(time: float, *, frequency: float, decay: float, samples: int, rng: np.random.Generator) -> np.ndarray:
    """A bar struck at `time` (s): modes start together, within half a millisecond, with random phases."""
    t = np.arange(samples) / SAMPLE_RATE - time
    after = np.maximum(t, 0)
    sound = np.zeros(samples)
    for index, (ratio, level) in enumerate(RATIOS):
        if frequency * ratio < 7600:
            phase = rng.uniform(0, 2 * np.pi)
            mode = np.sin(2 * np.pi * frequency * ratio * after + phase) * np.exp(-after * (1 + 0.4 * index) / decay)
            sound += level * mode
    return sound * (t >= 0) * (1 - np.exp(-after / 0.0005))


def struck_bars(seed: int, *, snr: float = 20.0, range_db: float = 0.0, seconds: float = 1.6) -> MadeSound:
    """Bars struck 0.3 to 0.6 s apart, levels within `range_db`, in white noise `snr` dB below the mean power."""
    rng = np.random.default_rng(seed)
    samples = int(seconds * SAMPLE_RATE)
    times = np.cumsum(np.append(rng.uniform(0.05, 0.4), rng.uniform(0.3, 0.6, size=int(seconds / 0.3))))
    times = times[times < seconds - 0.05]
    sound = np.zeros(samples)
    for time in times:
        frequency, decay = np.exp(rng.uniform(np.log((150, 0.03)), np.log((2500, 0.25))))
        level = 10 ** (-rng.uniform(0, range_db) / 20)
        sound += level * struck_bar(time, frequency=frequency, decay=decay, samples=samples, rng=rng)
    noise = rng.normal(size=samples) * np.sqrt(np.mean(sound**2)) * 10 ** (-snr / 20)
    return MadeSound((0.3 * (sound + noise)).astype(np.float32), times)
