"""Textures that tile: noise with power-law spectra, grain, speckle, cells, stripes, tiles (ours: decision 12).

The spectra follow natural pictures: amplitude falls with a power of frequency (Field 1987). A texture is a pure
function of its number. A process generates the atlas of all textures once.
"""

from functools import lru_cache

import numpy as np

SIDE = 128
"""Side of a texture in pixels. It repeats with this period in both directions."""
NUMBERS = 256
"""Number of textures."""
STEP = 6 / 255
"""Quantization step of the atlas: values 0 to 255 represent -3 to 3."""
KINDS = ("cloud", "cloud", "cloud", "grain", "grain", "speckle", "patches", "cells", "stripes", "tiles")


@lru_cache(maxsize=1)
def atlas() -> np.ndarray:
    """All textures as uint8 (3, 256 * 128 * 128), row by row; 0 .. 255 represent -3 .. 3. The first call takes a
    second."""
    planes = np.stack([np.moveaxis(texture(number), -1, 0) for number in range(NUMBERS)], axis=1)
    return np.round((planes + 3) / STEP).astype(np.uint8).reshape(3, -1)


def texture(number: int) -> np.ndarray:
    """Texture `number`: float32 (128, 128, 3), mean 0, deviation 1 over all channels, within -3 .. 3."""
    rng = np.random.default_rng([12, number])
    kind = KINDS[number % len(KINDS)]
    light = {
        "cloud": _cloud,
        "grain": _grain,
        "speckle": _speckle,
        "patches": _patches,
        "cells": _cells,
        "stripes": _stripes,
        "tiles": _tiles,
    }[kind](rng)
    colour = _power_noise(rng, exponent=rng.uniform(0.8, 1.8), channels=3)
    field = _standard(light)[..., None] + rng.exponential(0.12) * colour
    field = field - field.mean((0, 1))
    return np.clip(field / field.std(), -3, 3).astype(np.float32)


def _standard(field: np.ndarray) -> np.ndarray:
    return (field - field.mean()) / max(float(field.std()), 1e-6)


def _power_noise(rng: np.random.Generator, *, exponent: float, channels: int = 1, stretch: float = 1.0) -> np.ndarray:
    """Noise whose amplitude spectrum falls with frequency ** -exponent. stretch: ratio of the scale along x to that
    along y."""
    fy, fx = np.fft.fftfreq(SIDE)[:, None] * SIDE / np.sqrt(stretch), np.fft.rfftfreq(SIDE) * SIDE * np.sqrt(stretch)
    amplitude = np.maximum(np.hypot(fy, fx), 1.0) ** -exponent
    amplitude[0, 0] = 0
    white = np.fft.rfft2(rng.standard_normal((channels, SIDE, SIDE)))
    noise = np.fft.irfft2(white * amplitude, s=(SIDE, SIDE))
    noise /= noise.std((1, 2), keepdims=True)
    return noise[0] if channels == 1 else np.moveaxis(noise, 0, -1)


def _cloud(rng: np.random.Generator) -> np.ndarray:
    """Plaster, skin, cloth, earth: isotropic noise."""
    return _power_noise(rng, exponent=rng.uniform(0.7, 1.9))


def _grain(rng: np.random.Generator) -> np.ndarray:
    """Wood and brushed metal: noise stretched in one direction."""
    noise = _power_noise(rng, exponent=rng.uniform(0.8, 1.6), stretch=float(np.exp(rng.uniform(1.0, 3.5))))
    return noise if rng.random() < 0.7 else np.sin(2.5 * noise)


def _speckle(rng: np.random.Generator) -> np.ndarray:
    """Granite, gravel, asphalt: grains without large-scale structure."""
    noise = _power_noise(rng, exponent=rng.uniform(0.0, 0.5))
    return np.sign(noise) * np.abs(noise) ** rng.uniform(0.8, 1.6) + rng.uniform(0, 0.6) * _cloud(rng)


def _patches(rng: np.random.Generator) -> np.ndarray:
    """Leaves and rust: noise with a soft threshold, plus finer detail."""
    noise = _power_noise(rng, exponent=rng.uniform(1.0, 1.8))
    return np.tanh(6 * (noise - rng.normal(0, 0.6))) + rng.uniform(0.1, 0.6) * _cloud(rng)


def _cells(rng: np.random.Generator) -> np.ndarray:
    """Pebbles, scales, leather: cells around scattered points, each with its own tone, darker at the seams."""
    count = int(np.exp(rng.uniform(np.log(20), np.log(250))))
    points = rng.uniform(0, SIDE, (count, 2))
    axis = np.arange(SIDE)
    across = np.abs(axis[:, None] - points[:, 0])
    down = np.abs(axis[:, None] - points[:, 1])
    across, down = np.minimum(across, SIDE - across), np.minimum(down, SIDE - down)
    distances = np.sqrt((down**2)[:, None] + (across**2)[None])
    nearest = np.argmin(distances, axis=-1)
    two = np.partition(distances, 1, axis=-1)[..., :2]
    seam = np.minimum((two[..., 1] - two[..., 0]) / (SIDE / np.sqrt(count)), 0.35)
    return rng.uniform(1, 5) * seam + rng.uniform(0.1, 0.6) * rng.standard_normal(count)[nearest]


def _stripes(rng: np.random.Generator) -> np.ndarray:
    """Boards, slats, woven cloth: bars of one period with slightly different tones."""
    bars = int(np.exp(rng.uniform(np.log(3), np.log(28))))
    position = np.arange(SIDE) * bars / SIDE
    tone = rng.normal(0, rng.uniform(0, 0.8), bars)[position.astype(int)]
    edge = np.tanh(8 * (np.abs(position % 1 - 0.5) - rng.uniform(0.15, 0.47)))
    rows = tone - rng.uniform(0.2, 1) * edge
    return np.broadcast_to(rows[:, None], (SIDE, SIDE)) + rng.uniform(0.1, 0.7) * _grain(rng)


def _tiles(rng: np.random.Generator) -> np.ndarray:
    """Bricks, tiles, grilles: rectangles between seams, staggered in some textures, with different tones."""
    rows = int(rng.choice([2, 4, 6, 8, 12, 16]))
    columns = max(1, round(rows * rng.choice([0.5, 1.0, 1.0, 2.0])))
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    row = (y * rows).astype(int)
    shifted = x * columns + 0.5 * (row % 2) * float(rng.random() < 0.6)
    column = shifted.astype(int) % columns
    seam = rng.uniform(0.03, 0.2)
    inside = (y * rows % 1 > seam) & (shifted % 1 > seam * columns / rows)
    tone = rng.normal(0, 1, (rows, columns))[row, column]
    return rng.choice([-1.0, 1.0]) * inside * rng.uniform(0.5, 2) + rng.uniform(0, 0.7) * tone + 0.3 * _cloud(rng)


def sampled(number: int, v: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Texture `number` with bilinear interpolation, float32 (..., 3). v, u: rows and columns (texels), which broadcast
    and wrap."""
    values, v, u = texture(number), np.asarray(v, np.float32), np.asarray(u, np.float32)
    row, column = np.floor(v).astype(np.int32), np.floor(u).astype(np.int32)
    down, right = (v - row)[..., None], (u - column)[..., None]
    rows, columns = (row % SIDE, (row + 1) % SIDE), (column % SIDE, (column + 1) % SIDE)
    upper = values[rows[0], columns[0]] * (1 - right) + values[rows[0], columns[1]] * right
    lower = values[rows[1], columns[0]] * (1 - right) + values[rows[1], columns[1]] * right
    return upper * (1 - down) + lower * down


def draw_number(rng: np.random.Generator, *kinds: str) -> int:
    """Draws the number of a texture of one of the kinds, or of any kind if none is given."""
    indices = [index for index, kind in enumerate(KINDS) if not kinds or kind in kinds]
    return int(rng.choice(indices)) + len(KINDS) * int(rng.integers(0, NUMBERS // len(KINDS)))
