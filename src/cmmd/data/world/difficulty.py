"""How hard a clip of the world is to understand: the standard split, a harder one, an unseen one (ours: decision 04).

On the standard split everything that sounds is large and clear. On the hard one movement may be tiny, things that move
like sounding ones stay silent, something stands in front, and the picture is pale, noisy and compressed. The unseen one
is as clear as the standard one and moves as nothing there does: it is what a model is fine-tuned on.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

Split = Literal["standard", "hard", "unseen"]
SPLITS: tuple[Split, ...] = get_args(Split)


@dataclass(frozen=True, kw_only=True, slots=True)
class Difficulty:
    """What one clip is made harder by; the defaults change nothing.

    objects, object_odds: how many things may sound (impacts). decoys: silent things that move as sounding ones do.
    reach: size of every movement. occluders: bars in front. contrast: of the picture about its mean. noise: deviation
    of sensor noise, of 1. compression: coarsest step of the block transform, of 1. accents: share of the beats that are
    followed by a weaker one between them and the next (dance). unseen: a movement (impacts) or a style (dance) of its
    own.
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
    """The camera's part: pale, noisy, compressed uint8 frames (f, h, w, 3)."""
    if (difficulty.contrast, difficulty.noise, difficulty.compression) == (1.0, 0.0, 0.0):
        return frames
    pixels = frames.astype(np.float32) / 255
    pixels = pixels.mean() + difficulty.contrast * (pixels - pixels.mean())
    pixels += difficulty.noise * rng.standard_normal(pixels.shape, dtype=np.float32)
    if difficulty.compression:
        pixels = _compressed(pixels, difficulty.compression)
    return (np.clip(pixels, 0, 1) * 255 + 0.5).astype(np.uint8)


def _compressed(pixels: np.ndarray, step: float) -> np.ndarray:
    """8 x 8 cosine transform with coefficients rounded to steps that grow with frequency up to `step`, as in JPEG."""
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
