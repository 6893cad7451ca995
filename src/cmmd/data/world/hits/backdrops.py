"""Backdrops: rooms, tables, ground, walls, scenery, with margins for the camera (ours: decision 12)."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from cmmd.data.pictures.blur import blurred
from cmmd.data.pictures.outlines import ellipse
from cmmd.data.pictures.palette import draw_palette
from cmmd.data.pictures.picture import scenery
from cmmd.data.pictures.textures import SIDE, draw_number, sampled
from cmmd.data.world.hits.sprites import UNITS, Look, Patch, Sprite, bake
from cmmd.data.world.hits.things import darker, draw_thing

MARGIN = 20
"""Units of backdrop outside each side of the picture."""
FINER = 2
"""Supersampling factor of the ground plane."""
FOCAL = 80.0
"""Distance from the eye to the picture (units)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """horizon: y at which the ground plane ends (units), far above the picture for a view straight down. look: of the
    ground. tilt: of the horizon (radians). wall: the background is a wall; otherwise it is scenery."""

    horizon: float
    look: Look
    tilt: float
    wall: bool


def paint_backdrop(rng: np.random.Generator, view: View, *, scale: float, density: float, light: float) -> Sprite:
    """Paints the backdrop as a sprite whose origin is the top left corner of the picture. scale: size factor of all
    objects. density: pixels per unit. light: direction that it comes from (radians)."""
    side = round((UNITS + 2 * MARGIN) * density)
    side += side % 2
    behind = _wall(rng, view, side) if view.wall else _scenery(rng, side)
    field = _with_ground(rng, behind, view, density)
    _strew(rng, field, view, scale=scale, density=density, light=light)
    if rng.random() < 0.25:
        field = blurred(field, rng.exponential(0.6) * density)
    picture = Image.fromarray((np.clip(field, 0, 1) * 255 + 0.5).astype(np.uint8))
    return Sprite(picture=picture, mask=Image.new("L", (1, 1)), density=density, origin=np.full(2, MARGIN * density))


def _scenery(rng: np.random.Generator, side: int) -> np.ndarray:
    """Objects near and far, mostly out of focus, (side, side, 3)."""
    field = scenery(rng, side)
    return blurred(field, rng.exponential(0.5) * side / 104)


def _wall(rng: np.random.Generator, view: View, side: int) -> np.ndarray:
    """A plain upright surface, in some scenes with rectangles that suggest a picture, a door or a shelf."""
    colour = draw_palette(rng, 2)
    number = draw_number(rng, "cloud", "cloud", "cloud", "tiles", "stripes")
    at = np.arange(side) * (np.exp(rng.uniform(np.log(0.5), np.log(2.0))) * SIDE / side)
    field = colour[0] + np.float32(rng.uniform(0.02, 0.1)) * sampled(number, at[:, None], at)
    for _ in range(int(rng.choice([0, 1, 2, 4]))):
        top, left = (rng.uniform(-0.1, 0.8, 2) * side).astype(int)
        tall, wide = (np.exp(rng.uniform(np.log(0.04), np.log(0.5), 2)) * side).astype(int) + 1
        shade = colour[1] * rng.uniform(0.5, 1.4) if rng.random() < 0.6 else draw_palette(rng, 1)[0]
        field[max(top, 0) : top + tall, max(left, 0) : left + wide] *= 0.4
        field[max(top, 0) : top + tall, max(left, 0) : left + wide] += 0.6 * shade
    return blurred(field, rng.exponential(0.15) * side / 104)


def _with_ground(rng: np.random.Generator, behind: np.ndarray, view: View, density: float) -> np.ndarray:
    """Paints the ground plane in perspective over `behind`. Its texture becomes finer with distance."""
    side, pixels = len(behind), density * FINER
    axis = (np.arange(side * FINER, dtype=np.float32) + 0.5) / pixels - MARGIN
    near = 0.6 * (UNITS - view.horizon)
    below = axis[:, None] - view.horizon - np.tan(view.tilt) * (axis - UNITS / 2)
    far = near / np.maximum(below, 0.02 * near)
    steep = np.hypot(1.0, FOCAL / near)
    across, along = (axis - UNITS / 2 - rng.normal(0, 15)) * far, steep * near * far
    turn, grain = rng.uniform(-0.7, 0.7), view.look.grain
    u = grain * (np.cos(turn) * across + np.sin(turn) * along)
    v = grain * (np.cos(turn) * along - np.sin(turn) * across)
    texels = sampled(view.look.texture, v, u)
    # Texture detail fades out where it is finer than a pixel.
    detail = view.look.depth * np.clip(pixels / (grain * steep * far * far), 0, 1)
    light = 1 + rng.normal(0, 0.25) * np.clip(below / UNITS, -1, 2)
    ground = (view.look.colour + detail[..., None] * texels) * light[..., None]
    cover = np.clip(below * density + 0.5, 0, 1)[..., None]
    both = np.concatenate([ground * cover, cover], axis=-1).astype(np.float32)
    both = both.reshape(side, FINER, side, FINER, 4).mean((1, 3))
    return behind * (1 - both[..., 3:]) + both[..., :3]


def _strew(
    rng: np.random.Generator, field: np.ndarray, view: View, *, scale: float, density: float, light: float
) -> None:
    """Paints objects with their shadows onto the ground, larger where the ground is nearer. Changes `field`."""
    count = int(rng.choice([0, 2, 4, 8, 14], p=[0.15, 0.25, 0.25, 0.2, 0.15]))
    across = rng.uniform(-MARGIN, UNITS + MARGIN, count)
    down = rng.uniform(max(view.horizon, -MARGIN), UNITS + MARGIN, count)
    for x, y in zip(across.tolist(), np.sort(down).tolist(), strict=True):
        near = np.clip((y - view.horizon) / (0.6 * (UNITS - view.horizon)), 0.2, 1.5)
        size = scale * near * float(np.exp(rng.uniform(np.log(2), np.log(13))))
        thing = draw_thing(rng, np.zeros(2), size=size)
        corners = np.concatenate([patch.outline for patch in thing.form.patches])
        below, wide = float(corners[:, 1].max()), float(np.ptp(corners[:, 0])) / 2
        dark = Patch(ellipse(1.1 * wide, 0.3 * wide), darker(view.look, 0.0))
        shadow = bake([dark], density=density, light=light, soft=0.25 * wide)
        _paste(field, shadow, np.array([x, y]), density, rng.uniform(0.2, 0.6))
        _paste(field, bake(thing.form.patches, density=density, light=light), np.array([x, y - below]), density, 1.0)


def _paste(field: np.ndarray, sprite: Sprite, at: np.ndarray, density: float, opacity: float) -> None:
    """Pastes a sprite into `field`, rounded to a pixel. Pixels outside the field are dropped."""
    left, top = np.round((at + MARGIN) * density - sprite.origin).astype(int)
    width, height = sprite.picture.size
    first, stop = np.maximum([top, left], 0), np.minimum([top + height, left + width], field.shape[:2])
    if (first >= stop).any():
        return
    inside = slice(first[0] - top, stop[0] - top), slice(first[1] - left, stop[1] - left)
    cover = np.asarray(sprite.mask, np.float32)[inside][..., None] * np.float32(opacity / 255)
    target = field[first[0] : stop[0], first[1] : stop[1]]
    target += cover * (np.asarray(sprite.picture, np.float32)[inside] / 255 - target)
