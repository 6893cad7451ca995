"""Arms, legs and hands: a limb has two bones from its root joint to its end (ours: decision 12)."""

from dataclasses import dataclass, replace

import numpy as np

from cmmd.data.pictures.outlines import box, capsule, ellipse, point, turned
from cmmd.data.world.hits.materials import CLOTH, draw_look, flesh
from cmmd.data.world.hits.sprites import Look, Patch, Sprite, bake
from cmmd.data.world.hits.stage import Stage


@dataclass(frozen=True, kw_only=True, slots=True)
class Build:
    """Appearance of a person, and drawing settings of the sprites. thick: radius of a wrist (units). sleeve: fraction
    of the forearm that cloth covers. density: pixels per unit. light: direction that it comes from (radians)."""

    skin: Look
    cloth: Look
    trousers: Look
    thick: float
    sleeve: float
    density: float
    light: float


def draw_build(rng: np.random.Generator, *, scale: float, density: float, light: float) -> Build:
    """Draws a person whose wrist radius is `scale` times 1.4 to 2.5 units. Some wear gloves."""
    skin = flesh(rng) if rng.random() < 0.9 else draw_look(rng, CLOTH)
    return Build(
        skin=skin,
        cloth=draw_look(rng, CLOTH),
        trousers=draw_look(rng, CLOTH),
        thick=scale * rng.uniform(1.4, 2.5),
        sleeve=rng.uniform(0.4, 0.95) if rng.random() < 0.5 else 0.0,
        density=density,
        light=light,
    )


def bent(root: np.ndarray, end: np.ndarray, *, upper: float, lower: float, side: float) -> np.ndarray:
    """Positions (n, 2) of the joint between two bones of lengths `upper` (from the root) and `lower` (to the end). The
    sign of `side` selects its side. If the bones are too short, the joint is on the line."""
    way = end - root
    distance = np.maximum(np.hypot(way[:, 0], way[:, 1]), 1e-6)
    along = (distance**2 + upper**2 - lower**2) / (2 * distance)
    along = np.clip(along, -upper, upper)
    off = np.sqrt(np.maximum(upper**2 - along**2, 0)) * side
    unit = way / distance[:, None]
    return root + unit * along[:, None] + np.stack([-unit[:, 1], unit[:, 0]], axis=1) * off[:, None]


def bone(stage: Stage, sprite: Sprite, start: np.ndarray, end: np.ndarray, *, length: float) -> None:
    """Adds a sprite of this length along x between two joints, and stretches it to their distance."""
    way = end - start
    distance = np.hypot(way[:, 0], way[:, 1])
    scale = np.maximum(distance / length, 0.05)
    stage.add(sprite, start, angle=np.arctan2(way[:, 1], way[:, 0]), scale=scale, stretch=1 / scale)


def arm(
    rng: np.random.Generator, stage: Stage, wrist: np.ndarray, *, shoulder: np.ndarray, side: float, build: Build
) -> None:
    """Adds an arm from a shoulder (2,) to the wrist (n, 2). side: sign of the side of the elbow."""
    farthest = float(np.hypot(*(wrist - shoulder).T).max())
    reach = max(farthest * rng.uniform(1.02, 1.3), 4 * build.thick)
    upper = reach * (rng.uniform(0.45, 0.55) if farthest < 18 * build.thick else rng.uniform(0.15, 0.3))
    lower = reach - upper
    elbow = bent(np.broadcast_to(shoulder, wrist.shape), wrist, upper=upper, lower=lower, side=side)
    w = build.thick
    sleeved = Patch(capsule(upper, 1.6 * w, 1.25 * w), build.cloth if rng.random() < 0.8 else build.skin)
    bone(
        stage,
        bake([sleeved], density=build.density, light=build.light),
        np.broadcast_to(shoulder, wrist.shape),
        elbow,
        length=upper,
    )
    patches = [Patch(capsule(lower, 1.25 * w, 0.85 * w), build.skin)]
    if build.sleeve:
        patches.append(Patch(capsule(lower * build.sleeve, 1.35 * w, 1.1 * w), build.cloth))
    bone(stage, bake(patches, density=build.density, light=build.light), elbow, wrist, length=lower)


def fist(build: Build) -> Sprite:
    """A hand that holds an object. The grip is at the origin; the arm comes from -x."""
    w = build.thick
    fingers = [
        Patch(ellipse(0.5 * w, 0.75 * w) + point(0.35 * w + 0.1 * k * w, (0.45 * k - 0.6) * w), build.skin)
        for k in range(3)
    ]
    return bake([Patch(ellipse(1.25 * w, 1.05 * w), build.skin), *fingers], density=build.density, light=build.light)


def flat_hand(rng: np.random.Generator, build: Build) -> tuple[Sprite, float]:
    """An open hand from the wrist along x: palm, fingers close or spread, thumb. Returns its sprite and its length
    (units)."""
    w = build.thick
    palm, finger, spread = 1.9 * w, rng.uniform(1.3, 2.0) * w, rng.uniform(0.02, 0.18)
    shaded = replace(build.skin, colour=build.skin.colour * 0.9)
    patches = [Patch(box(palm * 0.55, 1.05 * w, rounding=0.6 * w) + point(palm * 0.5, 0.0), build.skin)]
    for k in range(4):
        angle = (k - 1.5) * spread
        outline = turned(capsule(finger, 0.28 * w, 0.24 * w), angle) + point(palm, (k - 1.5) * 0.5 * w)
        patches.append(Patch(outline, build.skin if k % 2 else shaded))
    thumb = turned(capsule(1.2 * w, 0.32 * w, 0.25 * w), rng.uniform(0.4, 1.0)) + point(0.5 * palm, 0.8 * w)
    patches.append(Patch(thumb, build.skin))
    return bake(patches, density=build.density, light=build.light), palm + finger


def shoe(rng: np.random.Generator, build: Build) -> tuple[Sprite, np.ndarray]:
    """A shoe with its ankle at the origin and its toe along x. Returns its sprite and the point where its sole meets
    the ground, (2,) in units."""
    w = build.thick
    look, sole = draw_look(rng, CLOTH), draw_look(rng, CLOTH)
    upper = np.array([[-1.1, -0.8], [0.7, -0.8], [1.1, 0.1], [2.6, 0.5], [3.0, 1.2], [-1.3, 1.2], [-1.4, 0.4]]) * w
    under = box(2.2 * w, 0.3 * w, rounding=0.2 * w) + point(0.85 * w, 1.35 * w)
    patches = [Patch(upper, look), Patch(under, sole)]
    return bake(patches, density=build.density, light=build.light), np.array([0.4 * w, 1.65 * w])
