"""Sprites: rigid objects drawn once, with texture and rounded shade, then moved over frames by Pillow (decision 12).

Lengths are in units: 64 per side of the picture, y downwards. Sprites have more pixels per unit than the picture,
because the camera may come nearer.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from cmmd.data.pictures.blur import blurred
from cmmd.data.pictures.textures import sampled

UNITS = 64
"""Units per side of the picture."""
SMOOTHING = 4
"""Supersampling factor in each direction when an outline is filled."""
MARGIN = 2
"""Empty pixels around a sprite."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """colour: (3,) in [0, 1]. texture: its number; depth: its strength. grain: texels per unit. gloss: how much
    brighter the side towards the light is; may be negative. clear: fraction of the background that shines through."""

    colour: np.ndarray
    texture: int = 0
    depth: float = 0.0
    grain: float = 2.0
    gloss: float = 0.3
    clear: float = 0.0


@dataclass(frozen=True, slots=True)
class Patch:
    """An outline (corners, 2) in units, filled with one look."""

    outline: np.ndarray
    look: Look


@dataclass(frozen=True, kw_only=True, slots=True)
class Sprite:
    """picture: RGB; mask: L, of the same size. density: pixels per unit. origin: pixel position of (0, 0)."""

    picture: Image.Image
    mask: Image.Image
    density: float
    origin: np.ndarray


def bake(patches: Sequence[Patch], *, density: float, light: float, soft: float = 0.0) -> Sprite:
    """Draws patches over each other. density: pixels per unit. light: direction that it comes from (radians). soft:
    blur of the edges (units)."""
    corners = np.concatenate([patch.outline for patch in patches])
    margin = MARGIN + int(np.ceil(2 * soft * density))
    low = np.floor(corners.min(0) * density).astype(int) - margin
    high = np.ceil(corners.max(0) * density).astype(int) + margin
    width, height = (np.minimum(high - low, 1024)).tolist()
    colour = np.broadcast_to(patches[0].look.colour, (height, width, 3)).astype(np.float32)
    cover = np.zeros((height, width, 1), np.float32)
    for patch in patches:
        shape = _filled(patch.outline * density - low, (width, height))[..., None]
        colour = colour + shape * (_surface(patch.look, shape, low, density, light) - colour)
        cover = np.maximum(cover, shape * (1 - patch.look.clear))
    if soft:
        cover = blurred(cover, soft * density)
    picture = Image.fromarray((np.clip(colour, 0, 1) * 255 + 0.5).astype(np.uint8))
    mask = Image.fromarray((np.clip(cover[..., 0], 0, 1) * 255 + 0.5).astype(np.uint8))
    return Sprite(picture=picture, mask=mask, density=density, origin=-low.astype(float))


def _filled(corners: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Fraction of every pixel that lies inside the outline, float32 (h, w)."""
    fine = Image.new("L", (size[0] * SMOOTHING, size[1] * SMOOTHING))
    ImageDraw.Draw(fine).polygon((corners * SMOOTHING).ravel().tolist(), fill=255)
    return np.asarray(fine.reduce(SMOOTHING), np.float32) / 255


def _surface(look: Look, shape: np.ndarray, low: np.ndarray, density: float, light: float) -> np.ndarray:
    """Tone, texture, and shade of a rounded body: brighter where its blurred outline falls off towards the light."""
    height, width = shape.shape[:2]
    colour = np.broadcast_to(look.colour.astype(np.float32), (height, width, 3))
    if look.depth:
        step = look.grain / density
        rows, columns = (np.arange(height) + low[1]) * step, (np.arange(width) + low[0]) * step
        colour = colour + np.float32(look.depth) * sampled(look.texture, rows[:, None], columns)
    if look.gloss:
        thickness = max(2 * float(shape.sum()) / max(height + width, 1), 1.0)
        body = blurred(shape, min(max(0.3 * thickness, 0.6), 12))[..., 0]
        down, across = np.gradient(body)
        slope = -(across * np.cos(light) + down * np.sin(light)) * thickness
        colour = colour * np.clip(1 + look.gloss * slope, 0.3, 1.9)[..., None]
    return colour
