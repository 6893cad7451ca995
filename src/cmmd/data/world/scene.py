"""Drawing for the world: soft-edged shapes over a textured background, all frames at once (ours).

Coordinates are pixels of the 64-pixel picture, y downwards. Every coordinate is a number or an array (f,) over frames.
"""

import colorsys
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from cmmd.data.world.clip import IMAGE_SIZE

MARGIN = 8
"""Pixels of background outside the picture, which camera drift may reveal."""


def hsv(hue: float, saturation: float, value: float) -> np.ndarray:
    """RGB colour (3,) in [0, 1]. The hue wraps; saturation and value are clipped to [0, 1]."""
    return np.array(colorsys.hsv_to_rgb(hue % 1.0, min(max(saturation, 0), 1), min(max(value, 0), 1)), dtype=np.float32)


def textured_background(rng: np.random.Generator, colour: np.ndarray, *, strength: float) -> np.ndarray:
    """A background (80, 80, 3), the picture with a margin on each side: coarse noise and a grating around `colour`."""
    size = IMAGE_SIZE + 2 * MARGIN
    cells = int(rng.integers(3, 7))
    coarse = rng.normal(size=(cells + 1, cells + 1, 3)).astype(np.float32)
    position = np.linspace(0, cells, size, endpoint=False)
    low = position.astype(int)
    part = (position - low).astype(np.float32)
    part = part * part * (3 - 2 * part)
    rows = coarse[low] * (1 - part)[:, None, None] + coarse[low + 1] * part[:, None, None]
    field = rows[:, low] * (1 - part)[None, :, None] + rows[:, low + 1] * part[None, :, None]
    y, x = np.mgrid[:size, :size].astype(np.float32)
    angle, period, phase = rng.uniform(0, np.pi), rng.uniform(12, 40), rng.uniform(0, 2 * np.pi)
    grating = np.sin((x * np.cos(angle) + y * np.sin(angle)) * (2 * np.pi / period) + phase)
    return np.clip(colour + strength * (0.6 * field + 0.4 * grating[..., None]), 0.02, 0.98).astype(np.float32)


class Scene:
    """Frames under construction, float32 (f, 64, 64, 3) in [0, 1]. camera: drift in pixels, (f, 2)."""

    def __init__(self, background: np.ndarray, camera: np.ndarray) -> None:
        self.camera = camera.astype(np.float32)
        self.pixels = np.stack([_shifted(background, dx, dy) for dx, dy in self.camera.tolist()])

    def disc(
        self,
        x: ArrayLike,
        y: ArrayLike,
        radius: ArrayLike,
        colour: np.ndarray,
        *,
        outline: float = 1.0,
        squash: ArrayLike = 0.0,
    ) -> None:
        """Draws a ball. squash: flattens it (0.2: a fifth lower and wider)."""
        x, y, radius, squash = self._over_frames(x, y, radius, squash)
        wide, high = 1 + squash, 1 - squash

        def distance(px: np.ndarray, py: np.ndarray) -> np.ndarray:
            return np.sqrt(((px - x) / wide) ** 2 + ((py - y) / high) ** 2) - radius

        reach = radius * wide
        self._paint(distance, colour, outline, (x - reach, y - reach, x + reach, y + reach))

    def capsule(
        self,
        x0: ArrayLike,
        y0: ArrayLike,
        x1: ArrayLike,
        y1: ArrayLike,
        radius: ArrayLike,
        colour: np.ndarray,
        *,
        outline: float = 0.0,
    ) -> None:
        """Draws a stick with round ends from (x0, y0) to (x1, y1)."""
        x0, y0, x1, y1, radius = self._over_frames(x0, y0, x1, y1, radius)
        dx, dy = x1 - x0, y1 - y0
        length = np.maximum(dx * dx + dy * dy, 1e-6)

        def distance(px: np.ndarray, py: np.ndarray) -> np.ndarray:
            along = np.clip(((px - x0) * dx + (py - y0) * dy) / length, 0, 1)
            return np.sqrt((px - x0 - along * dx) ** 2 + (py - y0 - along * dy) ** 2) - radius

        low_x, high_x = np.minimum(x0, x1) - radius, np.maximum(x0, x1) + radius
        low_y, high_y = np.minimum(y0, y1) - radius, np.maximum(y0, y1) + radius
        self._paint(distance, colour, outline, (low_x, low_y, high_x, high_y))

    def box(
        self,
        x: ArrayLike,
        y: ArrayLike,
        half_width: ArrayLike,
        half_height: ArrayLike,
        colour: np.ndarray,
        *,
        outline: float = 1.0,
    ) -> None:
        """Draws an upright rectangle centred at (x, y)."""
        x, y, half_width, half_height = self._over_frames(x, y, half_width, half_height)

        def distance(px: np.ndarray, py: np.ndarray) -> np.ndarray:
            return np.maximum(np.abs(px - x) - half_width, np.abs(py - y) - half_height)

        self._paint(distance, colour, outline, (x - half_width, y - half_height, x + half_width, y + half_height))

    def occlude(self, rng: np.random.Generator, bars: int) -> None:
        """Draws upright bars at random positions in front of everything."""
        for _ in range(bars):
            colour = hsv(rng.uniform(), rng.uniform(0.0, 0.4), rng.uniform(0.1, 0.7))
            self.box(rng.uniform(4, 60), 32.0, rng.uniform(1.5, 4.0), 40.0, colour, outline=0)

    def finish(self, rng: np.random.Generator, *, light: np.ndarray, noise: float) -> np.ndarray:
        """Applies the light (f,) and sensor noise. Returns uint8 (f, 64, 64, 3)."""
        pixels = self.pixels * light[:, None, None, None].astype(np.float32)
        if noise:
            pixels += rng.standard_normal(pixels.shape, dtype=np.float32) * noise
        return (np.clip(pixels, 0, 1) * 255 + 0.5).astype(np.uint8)

    def _over_frames(self, *values: ArrayLike) -> list[np.ndarray]:
        frames = len(self.pixels)
        return [np.broadcast_to(np.asarray(value, np.float32), (frames,)).reshape(frames, 1, 1) for value in values]

    def _paint(self, distance: Callable, colour: np.ndarray, outline: float, box: tuple[np.ndarray, ...]) -> None:
        """Blends in the colour where the signed distance is negative, with an edge one pixel soft. outline: width of
        the dark rim (pixels). box: bounds of the shape in every frame (left, top, right, bottom), which limit the
        computation."""
        camera_x, camera_y = self.camera[:, 0].reshape(-1, 1, 1), self.camera[:, 1].reshape(-1, 1, 1)
        left, top = np.floor((box[0] - camera_x).min() - 1), np.floor((box[1] - camera_y).min() - 1)
        right, bottom = np.ceil((box[2] - camera_x).max() + 2), np.ceil((box[3] - camera_y).max() + 2)
        columns = slice(int(np.clip(left, 0, IMAGE_SIZE)), int(np.clip(right, 0, IMAGE_SIZE)))
        rows = slice(int(np.clip(top, 0, IMAGE_SIZE)), int(np.clip(bottom, 0, IMAGE_SIZE)))
        if columns.start >= columns.stop or rows.start >= rows.stop:
            return
        py = np.arange(rows.start, rows.stop, dtype=np.float32)[None, :, None] + camera_y
        px = np.arange(columns.start, columns.stop, dtype=np.float32)[None, None, :] + camera_x
        signed = distance(px, py)
        target = self.pixels[:, rows, columns]
        cover = np.clip(0.5 - signed, 0, 1)[..., None]
        if outline:
            inside = np.clip(0.5 - signed - outline, 0, 1)[..., None]
            shade = colour * (0.45 + 0.55 * inside)
            target += cover * (shade - target)
        else:
            target += cover * (colour - target)


def _shifted(background: np.ndarray, dx: float, dy: float) -> np.ndarray:
    """The 64-pixel window of the background at a fractional offset (pixels), with bilinear interpolation."""
    limit = MARGIN - 1
    dx, dy = float(np.clip(dx, -limit, limit)) + MARGIN, float(np.clip(dy, -limit, limit)) + MARGIN
    column, row = int(dx), int(dy)
    fx, fy = dx - column, dy - row
    window = background[row : row + IMAGE_SIZE + 1, column : column + IMAGE_SIZE + 1]
    mixed = window[:-1] * (1 - fy) + window[1:] * fy
    return mixed[:, :-1] * (1 - fx) + mixed[:, 1:] * fx
