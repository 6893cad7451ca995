"""Slow aperiodic movement: sums of sines, so that it is the same at any frame rate (ours)."""

import numpy as np


def wobble(
    rng: np.random.Generator, t: np.ndarray, size: float, *, slowest: float = 0.15, fastest: float = 1.5
) -> np.ndarray:
    """Offsets (n, 2) at times t (s), of about `size` in both directions, at `slowest` to `fastest` Hz."""
    moved = np.zeros((len(t), 2))
    for axis in range(2):
        for _ in range(3):
            rate = np.exp(rng.uniform(np.log(slowest), np.log(fastest)))
            moved[:, axis] += 0.6 * size * rng.normal() * np.sin(2 * np.pi * (rate * t + rng.uniform()))
    return moved
