"""Colours of natural pictures: muted, mostly between red and yellow, some blue and green (ours)."""

import numpy as np

HUES = (0.03, 0.08, 0.12, 0.30, 0.55, 0.62, 0.95)
HUE_ODDS = (0.22, 0.30, 0.20, 0.06, 0.10, 0.07, 0.05)
"""Probabilities of HUES, around which colours cluster: skin, wood and earth, sand and cloth, plants, sky, blue paint,
red paint."""


def draw_palette(rng: np.random.Generator, count: int) -> np.ndarray:
    """Draws colours (count, 3) in [0, 1] around one to three hues. Most are dull, 6% are saturated."""
    themes = rng.choice(HUES, size=3, p=HUE_ODDS)[: rng.integers(1, 4)]
    hue = themes[rng.integers(0, len(themes), count)] + rng.normal(0, 0.025, count)
    strong = rng.random(count) < 0.06
    saturation = np.where(strong, rng.uniform(0.4, 0.9, count), rng.beta(1.2, rng.uniform(2.0, 7.0), count))
    return from_hsv(hue, saturation, rng.beta(1.2, rng.uniform(0.8, 2.0), count))


def natural_hue(rng: np.random.Generator) -> float:
    """Draws a hue with its frequency in natural pictures."""
    return float(rng.choice(HUES, p=HUE_ODDS)) + rng.normal(0, 0.03)


def from_hsv(hue: np.ndarray, saturation: np.ndarray, value: np.ndarray) -> np.ndarray:
    """float32 (count, 3) in [0, 1]; the hue wraps."""
    sector = (np.array([5.0, 3.0, 1.0]) + hue[:, None] * 6) % 6
    lack = np.clip(np.minimum(sector, 4 - sector), 0, 1)
    return (value[:, None] * (1 - saturation[:, None] * lack)).astype(np.float32)


def skin_colour(rng: np.random.Generator) -> np.ndarray:
    """Draws the skin colour of a person, (3,) in [0, 1]."""
    depth = rng.uniform()
    hue, saturation, value = rng.normal(0.055, 0.012), 0.28 + 0.35 * depth, 0.88 - 0.6 * depth
    return from_hsv(np.array([hue]), np.array([saturation]), np.array([value]))[0]
