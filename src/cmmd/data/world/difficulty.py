"""Difficulty of a clip: the standard split, a harder one and an unseen one (ours: decision 04).

In the standard split all sounding objects are large and clear. In the hard split movements may be tiny, silent decoys
move like sounding objects, bars occlude the scene, and the picture is pale, noisy and compressed. The unseen split is
as clear as the standard one, but its movement or style occurs in no other split. It is used for fine-tuning.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

Split = Literal["standard", "hard", "unseen"]
SPLITS: tuple[Split, ...] = get_args(Split)


@dataclass(frozen=True, kw_only=True, slots=True)
class Difficulty:
    """Settings of one clip; the defaults change nothing.

    objects, object_odds: possible numbers of sounding objects and their probabilities (impacts). decoys: number of
    silent objects that move like sounding ones. reach: factor on the size of every movement. occluders: number of bars
    in front. contrast: factor on the difference of pixels from their mean. noise: standard deviation of sensor noise,
    for pixels in [0, 1]. compression: coarsest quantization step of the block transform, for pixels in [0, 1]. accents:
    fraction of beats followed by a weaker one halfway to the next (dance). unseen: use the movement (impacts), style
    (dance) or act (hits) of the unseen split.
    """

    objects: tuple[int, ...] = (1, 2, 3)
    object_odds: tuple[float, ...] = (0.45, 0.35, 0.2)
    decoys: int = 0
    reach: float = 1.0
    occluders: int = 0
    contrast: float = 1.0
    noise: float = 0.0
    compression: float = 0.0
    accents: float = 0.0
    unseen: bool = False


def draw_difficulty(split: Split, rng: np.random.Generator) -> Difficulty:
    """The difficulty of one clip. Raises ValueError for an unknown split."""
    if split == "standard":
        return Difficulty()
    if split == "hard":
        return Difficulty(
            objects=(2, 3, 4, 5),
            object_odds=(0.25, 0.25, 0.25, 0.25),
            decoys=int(rng.integers(1, 3)),
            reach=float(rng.uniform(0.2, 0.7)),
            occluders=int(rng.integers(0, 3)),
            contrast=float(rng.uniform(0.25, 0.8)),
            noise=float(rng.uniform(0.01, 0.05)),
            compression=float(rng.uniform(0.0, 0.12)),
            accents=0.15,
        )
    if split == "unseen":
        return Difficulty(objects=(1,), object_odds=(1.0,), unseen=True)
    raise ValueError(f"split is {split!r}, expected one of {', '.join(SPLITS)}")


def worsen(frames: np.ndarray, difficulty: Difficulty, rng: np.random.Generator) -> np.ndarray:
    """Applies contrast, sensor noise and compression to uint8 frames (f, h, w, 3). Returns frames of the same type and
    shape."""
    if (difficulty.contrast, difficulty.noise, difficulty.compression) == (1.0, 0.0, 0.0):
        return frames
    pixels = frames.astype(np.float32) / 255
    pixels = pixels.mean() + difficulty.contrast * (pixels - pixels.mean())
    pixels += difficulty.noise * rng.standard_normal(pixels.shape, dtype=np.float32)
    if difficulty.compression:
        pixels = _compressed(pixels, difficulty.compression)
    return (np.clip(pixels, 0, 1) * 255 + 0.5).astype(np.uint8)


def _compressed(pixels: np.ndarray, step: float) -> np.ndarray:
    """Quantizes 8 x 8 cosine-transform coefficients, as in JPEG. The steps grow with frequency up to `step`."""
    n = np.arange(8)
    basis = np.sqrt(2 / 8) * np.cos(np.pi * (n[None] + 0.5) * n[:, None] / 8)
    basis[0] /= np.sqrt(2)
    steps = (step * (0.1 + 0.9 * (n[:, None] + n[None]) / 14)).astype(np.float32)
    f, h, w, c = pixels.shape
    blocks = pixels.reshape(f, h // 8, 8, w // 8, 8, c).transpose(0, 1, 3, 5, 2, 4)
    basis = basis.astype(np.float32)
    coefficients = basis @ blocks @ basis.T
    rounded = np.round(coefficients / steps) * steps
    return (basis.T @ rounded @ basis).transpose(0, 1, 4, 2, 5, 3).reshape(f, h, w, c)
