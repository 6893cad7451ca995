"""Causal filters of first order, applied in the frequency domain (ours)."""

import numpy as np

from cmmd.data.world.clip import SAMPLE_RATE


def passed(sound: np.ndarray, *, above: float, below: tuple[float, ...]) -> np.ndarray:
    """Filters a sound: high-pass at `above` (Hz), low-pass at each frequency in `below` (Hz). Returns float32 (s,)."""
    length = 2 * len(sound)
    delay = np.exp(-2j * np.pi * np.arange(length // 2 + 1) / length)
    response = 1 - _low(above, delay)
    for frequency in below:
        response = response * _low(frequency, delay)
    return np.fft.irfft(np.fft.rfft(sound, length) * response, length)[: len(sound)].astype(np.float32)


def _low(frequency: float, delay: np.ndarray) -> np.ndarray:
    """Frequency response of y[n] = (1 - a) x[n] + a y[n - 1]. delay: frequency response of a delay by one sample."""
    a = np.exp(-2 * np.pi * frequency / SAMPLE_RATE)
    return (1 - a) / (1 - a * delay)
