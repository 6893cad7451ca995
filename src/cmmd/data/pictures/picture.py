"""Procedural pictures with the statistics of natural ones, to train an autoencoder on (ours: decision 12)."""

from collections.abc import Iterable

import numpy as np

from cmmd.data.pictures.blur import blurred
from cmmd.data.pictures.exposure import draw_exposure, expose, focus, illuminate
from cmmd.data.pictures.leaves import paint_layer

MULTIPLE = 8


def picture(seed: int, *, size: int = 64) -> np.ndarray:
    """Picture number `seed`: uint8 (size, size, 3), the same scene at any size.

    Raises ValueError if size is not a positive multiple of 8.
    """
    if size < 1 or size % MULTIPLE:
        raise ValueError(f"size is {size}, expected a multiple of {MULTIPLE}")
    rng, noise = np.random.default_rng([13, seed]).spawn(2)
    exposure = draw_exposure(rng)
    field = focus(illuminate(scenery(rng, size), exposure), exposure)
    return expose(field[None], exposure, noise)[0]


def pictures(seeds: Iterable[int], *, size: int = 64) -> np.ndarray:
    """The pictures of all seeds, uint8 (count, size, size, 3)."""
    return np.stack([picture(seed, size=size) for seed in seeds])


def scenery(rng: np.random.Generator, size: int) -> np.ndarray:
    """Draws a scene, float32 (size, size, 3). In a quarter of the scenes the background is a separate layer that is out
    of focus."""
    leaves = int(np.exp(rng.uniform(np.log(4), np.log(100))))
    if rng.random() < 0.75:
        return paint_layer(rng, size, leaves=leaves).colour
    behind = paint_layer(rng, size, leaves=leaves // 2).colour
    before = paint_layer(rng, size, leaves=max(1, leaves // 4), ground=False)
    behind = blurred(behind, rng.exponential(1.2) * size / 64)
    cover = blurred(np.concatenate([before.colour, before.cover[..., None]], axis=-1), rng.exponential(0.2) * size / 64)
    return behind * (1 - cover[..., 3:]) + cover[..., :3]
