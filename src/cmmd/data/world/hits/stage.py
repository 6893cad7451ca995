"""The stage: sprites with a pose at every moment, painted in order over a backdrop, seen through a camera (ours)."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image

from cmmd.data.world.hits.sprites import UNITS, Sprite

FAINT = 2
"""Opacity (of 255) below which an actor is not painted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Actor:
    """pose: affine maps from sprite units to scene units, (n, 2, 3). opacity: (n,) in [0, 1]; None: always 1."""

    sprite: Sprite
    pose: np.ndarray
    opacity: np.ndarray | None = None


@dataclass(kw_only=True, slots=True)
class Stage:
    """t: times of the moments (s), (n,). actors: from the back to the front."""

    t: np.ndarray
    actors: list[Actor] = field(default_factory=list)

    def add(
        self,
        sprite: Sprite,
        at: np.ndarray,
        *,
        angle: ArrayLike = 0.0,
        scale: ArrayLike = 1.0,
        stretch: ArrayLike = 1.0,
        opacity: np.ndarray | None = None,
    ) -> None:
        """Adds a sprite. at: its position, (n, 2) or (2,). angle: rotation (radians), x towards y. scale: of both axes.
        stretch: additional scale of the sprite's y axis. opacity: (n,) in [0, 1]."""
        moments = len(self.t)
        angle, scale, stretch = (np.broadcast_to(np.asarray(v, float), moments) for v in (angle, scale, stretch))
        pose = np.empty((moments, 2, 3))
        cosine, sine = np.cos(angle) * scale, np.sin(angle) * scale
        pose[:, 0, 0], pose[:, 0, 1] = cosine, -sine * stretch
        pose[:, 1, 0], pose[:, 1, 1] = sine, cosine * stretch
        pose[:, :, 2] = at
        self.actors.append(Actor(sprite=sprite, pose=pose, opacity=opacity))


def chained(outer: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """The affine map that applies `inner` first; all are (n, 2, 3)."""
    matrix = outer[:, :, :2] @ inner[:, :, :2]
    return np.concatenate([matrix, outer[:, :, :2] @ inner[:, :, 2:] + outer[:, :, 2:]], axis=2)


def inverted(maps: np.ndarray) -> np.ndarray:
    """Inverse affine maps, (n, 2, 3). The inverse of a map without area shows nothing."""
    a, b, c, d = maps[:, 0, 0], maps[:, 0, 1], maps[:, 1, 0], maps[:, 1, 1]
    area = a * d - b * c
    area = np.where(np.abs(area) < 1e-9, 1e-9, area)
    matrix = np.stack([np.stack([d, -b], 1), np.stack([-c, a], 1)], axis=1) / area[:, None, None]
    return np.concatenate([matrix, -matrix @ maps[:, :, 2:]], axis=2)


def render(stage: Stage, backdrop: Sprite, camera: np.ndarray, *, size: int, exposures: int) -> np.ndarray:
    """Renders frames, float32 (n / exposures, size, size, 3) in [0, 1], each the mean of its moments. camera: (n, 2,
    3)."""
    scale = np.array([size / UNITS, 0.0, 0.0, size / UNITS]).reshape(2, 2)
    view = np.concatenate([scale @ camera[:, :, :2], scale @ camera[:, :, 2:]], axis=2)
    behind = _PixelActor.of(Actor(sprite=backdrop, pose=np.broadcast_to(np.eye(2, 3), view.shape)), view, size)
    whole = (0, 0, size, size)
    pixel_actors = [_PixelActor.of(actor, view, size) for actor in stage.actors]
    still = bool(np.ptp(view, axis=0).max() < 1e-9)
    frames = np.empty((len(view) // exposures, size, size, 3), np.float32)
    ground = behind.warped(backdrop.picture, 0, whole)
    for frame in range(len(frames)):
        total = np.zeros((size, size, 3), np.uint16)
        for moment in range(frame * exposures, (frame + 1) * exposures):
            canvas = ground.copy() if still else behind.warped(backdrop.picture, moment, whole)
            for actor in pixel_actors:
                actor.paint(canvas, moment)
            total += np.asarray(canvas)
        frames[frame] = total.astype(np.float32) / (255 * exposures)
    return frames


@dataclass(frozen=True, kw_only=True, slots=True)
class _PixelActor:
    """An actor in picture pixels. maps: affine maps from picture to sprite pixels, rows (n, 6). boxes: left, top,
    right, bottom, (n, 4). opacity: (n,), of 255."""

    sprite: Sprite
    maps: list[list[float]]
    boxes: list[list[int]]
    opacity: list[int]

    @classmethod
    def of(cls, actor: Actor, view: np.ndarray, size: int) -> "_PixelActor":
        sprite = actor.sprite
        pose = chained(view, actor.pose)
        into = inverted(pose)
        into = np.concatenate([into[:, :, :2], into[:, :, 2:]], axis=2) * sprite.density
        into[:, :, 2] += sprite.origin
        width, height = sprite.picture.size
        corners = (np.array([[0, 0], [width, 0], [0, height], [width, height]]) - sprite.origin) / sprite.density
        seen = corners @ pose[:, :, :2].transpose(0, 2, 1) + pose[:, None, :, 2]
        low = np.clip(np.floor(seen.min(1)), 0, size)
        high = np.clip(np.ceil(seen.max(1)), 0, size)
        opacity = np.ones(len(pose)) if actor.opacity is None else np.clip(actor.opacity, 0, 1)
        return cls(
            sprite=sprite,
            maps=into.reshape(-1, 6).tolist(),
            boxes=np.concatenate([low, high], axis=1).astype(int).tolist(),
            opacity=np.round(255 * opacity).astype(int).tolist(),
        )

    def warped(self, image: Image.Image, moment: int, box: tuple[int, int, int, int]) -> Image.Image:
        """The sprite's picture or mask, warped into a box of the canvas."""
        left, top, right, bottom = box
        a, b, c, d, e, f = self.maps[moment]
        data = (a, b, c + a * left + b * top, d, e, f + d * left + e * top)
        return image.transform((right - left, bottom - top), Image.Transform.AFFINE, data, Image.Resampling.BILINEAR)

    def paint(self, canvas: Image.Image, moment: int) -> None:
        left, top, right, bottom = self.boxes[moment]
        opacity = self.opacity[moment]
        if right <= left or bottom <= top or opacity < FAINT:
            return
        mask = self.warped(self.sprite.mask, moment, (left, top, right, bottom))
        if opacity < 255:
            mask = mask.point([level * opacity // 255 for level in range(256)])
        canvas.paste(self.warped(self.sprite.picture, moment, (left, top, right, bottom)), (left, top), mask)
