"""Strikers on the stage: tools, hands, feet and fingers that touch exactly at the contact times (ours: decision 12)."""

from dataclasses import dataclass

import numpy as np

from cmmd.data.pictures.outlines import capsule, ellipse
from cmmd.data.world.hits.hand_tools import Tool
from cmmd.data.world.hits.limbs import Build, arm, bent, bone, fist, flat_hand, shoe
from cmmd.data.world.hits.sprites import Look, Patch, bake
from cmmd.data.world.hits.stage import Stage
from cmmd.data.world.hits.stroke import Stroke, smooth

DARK = Look(colour=np.zeros(3), gloss=0.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Blows:
    """The blows of one striker. contacts: (k,) seconds. points: contact points, (k, 2). normal: direction away from the
    struck surface, (2,). rise: height of a full stroke (units)."""

    contacts: np.ndarray
    points: np.ndarray
    normal: np.ndarray
    rise: float

    @property
    def across(self) -> np.ndarray:
        return np.array([-self.normal[1], self.normal[0]])


@dataclass(frozen=True, kw_only=True, slots=True)
class Path:
    """ground: point below the striker, (n, 2). tip: position of the striker, (n, 2). Both coincide at a contact."""

    ground: np.ndarray
    tip: np.ndarray


def path_of(rng: np.random.Generator, blows: Blows, stroke: Stroke) -> Path:
    """The path of a striker: up from one contact point and down to the next, slightly askew."""
    at = stroke.phase
    around = np.concatenate([blows.points[:1], blows.points, blows.points[-1:]])
    fraction = smooth((at.fraction - 0.15) / 0.6)[:, None]
    ground = around[at.interval] * (1 - fraction) + around[at.interval + 1] * fraction
    lift = (stroke.height * blows.rise)[:, None]
    askew = rng.normal(0, 0.25) * lift + rng.uniform(-0.4, 0.4) * lift * stroke.height[:, None]
    return Path(ground=ground, tip=ground + blows.normal * lift + blows.across * askew)


def cast_shadow(
    rng: np.random.Generator, stage: Stage, path: Path, stroke: Stroke, *, radius: float, density: float
) -> None:
    """Adds a shadow on the struck surface: far and faint while the striker is high, below the striker at contact."""
    sprite = bake(
        [Patch(ellipse(radius, radius * rng.uniform(0.3, 0.7)), DARK)], density=density, light=0.0, soft=0.4 * radius
    )
    away = np.array([rng.normal(0, 6), rng.uniform(0, 4)])
    opacity = rng.uniform(0.15, 0.6) / (1 + 2 * stroke.height)
    stage.add(sprite, path.ground + stroke.height[:, None] * away, scale=1 + 0.4 * stroke.height, opacity=opacity)


def swing(
    rng: np.random.Generator,
    stage: Stage,
    path: Path,
    stroke: Stroke,
    blows: Blows,
    tool: Tool,
    *,
    build: Build | None,
    shoulder: np.ndarray | None,
    lean: float,
) -> None:
    """Adds a tool whose tip follows the path, turned by a hand at its grip. lean: angle of the tool to the normal at
    contact (radians), to either side. build, shoulder: of the arm; without them the tool has no arm."""
    length = float(np.hypot(*tool.tip))
    direction = np.arctan2(blows.normal[1], blows.normal[0]) + lean
    away = np.array([np.cos(direction), np.sin(direction)])
    lift = (stroke.height * blows.rise * rng.uniform(0.0, 0.8))[:, None] * blows.normal
    rough = path.ground + length * away + lift
    along = path.tip - rough
    along /= np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-6)[:, None]
    grip = path.tip - length * along
    # Mirror the tool so that its contact side faces down for either lean.
    flip = -1.0 if lean > 0 else 1.0
    angle = np.arctan2(along[:, 1], along[:, 0]) - np.arctan2(flip * tool.tip[1], tool.tip[0])
    if build is not None and shoulder is not None:
        arm(rng, stage, grip, shoulder=shoulder, side=float(rng.choice([-1, 1])), build=build)
    stage.add(tool.sprite, grip, angle=angle, stretch=flip)
    if build is not None:
        stage.add(fist(build), grip, angle=angle)


def slap(
    rng: np.random.Generator,
    stage: Stage,
    path: Path,
    stroke: Stroke,
    blows: Blows,
    *,
    build: Build,
    shoulder: np.ndarray,
    lean: float,
) -> None:
    """Adds a flat hand that strikes from above, and its arm."""
    sprite, length = flat_hand(rng, build)
    tool = Tool(sprite=sprite, tip=np.array([0.8 * length, 0.25 * build.thick]), hardness=0.3)
    hand = Stage(t=stage.t)
    swing(rng, hand, path, stroke, blows, tool, build=None, shoulder=None, lean=lean)
    arm(rng, stage, hand.actors[0].pose[:, :, 2], shoulder=shoulder, side=float(rng.choice([-1, 1])), build=build)
    stage.actors += hand.actors


def tap(stage: Stage, tips: list[np.ndarray], knuckles: list[np.ndarray], *, build: Build) -> None:
    """Adds fingers from their knuckles (n, 2) to their tips (n, 2)."""
    for tip, knuckle in zip(tips, knuckles, strict=True):
        length = float(np.hypot(*(tip - knuckle).T).mean())
        finger = Patch(capsule(length, 0.42 * build.thick, 0.3 * build.thick), build.skin)
        bone(stage, bake([finger], density=build.density, light=build.light), knuckle, tip, length=length)


def step(
    rng: np.random.Generator, stage: Stage, path: Path, stroke: Stroke, *, build: Build, hip: np.ndarray, heading: float
) -> None:
    """Adds a foot that follows the path, and its leg. hip: (n, 2). heading: 1 to the right, -1 to the left."""
    sprite, sole = shoe(rng, build)
    toe = heading * rng.uniform(0.1, 0.7) * stroke.height * np.cos(np.pi * stroke.phase.fraction)
    ankle = path.tip - np.array([sole[0] * heading, sole[1]])
    wide = 1.5 * build.thick
    leg = float(np.hypot(*(ankle - hip).T).max()) * rng.uniform(1.02, 1.12)
    knee = bent(hip, ankle, upper=0.5 * leg, lower=0.5 * leg, side=-heading)
    thigh = bake(
        [Patch(capsule(0.5 * leg, 1.5 * wide, 1.1 * wide), build.trousers)], density=build.density, light=build.light
    )
    shin = bake(
        [Patch(capsule(0.5 * leg, 1.1 * wide, 0.8 * wide), build.trousers)], density=build.density, light=build.light
    )
    bone(stage, thigh, hip, knee, length=0.5 * leg)
    bone(stage, shin, knee, ankle, length=0.5 * leg)
    mirrored = np.pi if heading < 0 else 0.0
    stage.add(sprite, ankle, angle=toe + mirrored, stretch=heading)
