"""People: a torso with a head, at work or looking on (ours: decision 12)."""

from dataclasses import replace

import numpy as np

from cmmd.data.pictures.outlines import blob, box, ellipse, point
from cmmd.data.pictures.palette import from_hsv
from cmmd.data.world.hits.limbs import Build, arm, fist
from cmmd.data.world.hits.sprites import Look, Patch, bake
from cmmd.data.world.hits.stage import Stage
from cmmd.data.world.hits.wobble import wobble


def torso(rng: np.random.Generator, stage: Stage, chest: np.ndarray, build: Build) -> tuple[np.ndarray, np.ndarray]:
    """Adds a chest and a head, seen from the front or from behind. chest: middle of the chest, (2,) or (n, 2). Returns
    the left and right shoulders, (n, 2) each."""
    w = build.thick
    wide, tall = 4.2 * w * rng.uniform(0.85, 1.2), 6.5 * w
    patches = [Patch(box(wide, tall, rounding=0.8 * wide), build.cloth)]
    if rng.random() < 0.3:
        patches.append(Patch(box(wide, 0.5 * w) + point(0.0, rng.uniform(-2, 2) * w), _other(rng, build.cloth)))
    sway = wobble(rng, stage.t, 0.5 * w * rng.uniform(0, 1.5))
    stage.add(bake(patches, density=build.density, light=build.light), chest + sway, angle=0.03 * sway[:, 0])
    face = _head(rng, build)
    stage.add(
        bake(face, density=build.density, light=build.light),
        chest + 1.4 * sway + (0.0, -tall - 2.0 * w),
        angle=0.08 * sway[:, 0] / w,
    )
    left, right = (chest + sway + (side * 0.85 * wide, -0.75 * tall) for side in (-1, 1))
    return left, right


def _other(rng: np.random.Generator, look: Look) -> Look:
    return replace(look, colour=rng.uniform(0, 1, 3))


def _head(rng: np.random.Generator, build: Build) -> list[Patch]:
    """Patches of hair, face, eyes and mouth; from behind only hair."""
    w = build.thick
    value = np.array([rng.beta(1, 2.5)])
    hair = Look(colour=from_hsv(np.array([0.08]), np.array([rng.uniform(0, 0.6)]), value)[0], texture=13, depth=0.05)
    skull = Patch(blob(rng, 2.3 * w, 2.9 * w, roughness=0.06), hair)
    if rng.random() < 0.25:
        return [skull]
    neck = Patch(box(0.9 * w, 1.5 * w) + point(0.0, 2.4 * w), build.skin)
    face = Patch(ellipse(1.9 * w, 2.4 * w) + point(0.0, 0.4 * w), build.skin)
    dark = replace(hair, colour=0.3 * build.skin.colour)
    eyes = [Patch(ellipse(0.3 * w, 0.16 * w) + point(side * 0.75 * w, 0.1 * w), dark) for side in (-1, 1)]
    mouth = Patch(ellipse(0.6 * w, 0.14 * w) + point(0.0, 1.5 * w), dark)
    return [skull, neck, face, *eyes, mouth]


def onlooker(rng: np.random.Generator, stage: Stage, build: Build) -> None:
    """Adds a person who touches nothing. Some move their arms."""
    chest = np.array([rng.uniform(-2, 66), rng.uniform(18, 52)])
    shoulders = torso(rng, stage, chest, build)
    for shoulder in shoulders:
        if rng.random() < 0.5:
            rest = chest + point(rng.normal(0, 6) * build.thick, rng.uniform(0, 6) * build.thick)
            hand = rest + wobble(rng, stage.t, rng.uniform(0.3, 3) * build.thick, fastest=3.0)
            arm(rng, stage, hand, shoulder=shoulder, side=float(rng.choice([-1, 1])), build=build)
            stage.add(fist(build), hand)
