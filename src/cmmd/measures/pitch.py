"""Tests whether pitch follows the picture: dominant frequency after an event, and rank correlation (ours)."""

import numpy as np
from jaxtyping import Float
from scipy.stats import rankdata
from torch import Tensor

LOWEST_HZ = 80.0  # hum, rumble and leakage of the window are below it
RESOLUTION_HZ = 1.0


def dominant_frequency(
    waveform: Float[np.ndarray, " s"] | Float[Tensor, " s"],
    time: float,
    *,
    sample_rate: int = 16000,
    window: float = 0.15,
) -> float:
    """Returns the frequency (Hz) of the strongest spectral peak in the `window` seconds after `time`.

    Method: Hann window, FFT padded to 1 Hz or finer, parabola through the log of the three bins about the peak. nan
    when the sound is silent or shorter than 20 ms.
    """
    start = max(0, round(time * sample_rate))
    sound = waveform[start : start + round(window * sample_rate)]
    sound = np.asarray(sound.detach().cpu().numpy() if isinstance(sound, Tensor) else sound, dtype=np.float64)
    if len(sound) < 0.02 * sample_rate or np.abs(sound).max() < 1e-6:
        return float("nan")
    size = 2 ** int(np.ceil(np.log2(sample_rate / RESOLUTION_HZ)))
    spectrum = np.abs(np.fft.rfft((sound - sound.mean()) * np.hanning(len(sound)), size))
    lowest = int(np.ceil(LOWEST_HZ * size / sample_rate))
    peak = lowest + int(np.argmax(spectrum[lowest:-1]))
    left, middle, right = np.log(spectrum[peak - 1 : peak + 2] + 1e-20)
    bend = left - 2 * middle + right
    shift = 0.5 * (left - right) / bend if bend < 0 else 0.0
    return float((peak + np.clip(shift, -0.5, 0.5)) * sample_rate / size)


def rank_correlation(a: Float[np.ndarray, " i"], b: Float[np.ndarray, " j"]) -> float:
    """Returns Spearman's correlation; ties share their mean rank. Pairs with a value that is not finite are excluded.

    nan for fewer than three pairs or when one side is constant. Raises ValueError for unequal numbers of values.
    """
    if a.shape != b.shape:
        raise ValueError(f"rank correlation of {len(a)} values with {len(b)}: expected equal numbers")
    usable = np.isfinite(a) & np.isfinite(b)
    if usable.sum() < 3:
        return float("nan")
    a, b = a[usable], b[usable]
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return float("nan")
    return float(np.corrcoef(rankdata(a), rankdata(b))[0, 1])
