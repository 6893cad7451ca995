"""Gaussian blur of arrays of pixels as two matrix products (ours)."""

from functools import lru_cache

import numpy as np

LEAST = 0.2
"""Smallest sigma (pixels); a narrower blur has no visible effect."""


@lru_cache(maxsize=256)
def _matrix(size: int, sigma: float) -> np.ndarray:
    """Blur matrix (size, size). Its rows sum to one, so pixels beyond the edges have no weight."""
    position = np.arange(size, dtype=np.float32)
    weights = np.exp(-0.5 * ((position - position[:, None]) / sigma) ** 2)
    return (weights / weights.sum(1, keepdims=True)).astype(np.float32)


def blurred(field: np.ndarray, sigma: float) -> np.ndarray:
    """Blurs float32 (h, w, c) with a Gaussian of `sigma` pixels, rounded to a tenth of a pixel."""
    sigma = round(float(sigma), 1)
    if sigma < LEAST:
        return field
    h, w, c = field.shape
    down = (_matrix(h, sigma) @ field.reshape(h, w * c)).reshape(h, w, c)
    across = _matrix(w, sigma) @ down.transpose(1, 0, 2).reshape(w, h * c)
    return np.ascontiguousarray(across.reshape(w, h, c).transpose(1, 0, 2))
