"""The act `bounce`: a ball bounces on the ground, alone or under a hand (ours: decision 12)."""

import numpy as np

from cmmd.data.pictures.outlines import box, ellipse, point
from cmmd.data.world.hits.bodies import draw_body
from cmmd.data.world.hits.limbs import arm, flat_hand
from cmmd.data.world.hits.materials import CLOTH, METAL, PLASTIC, WOOD, draw_look
from cmmd.data.world.hits.moving import any_look
from cmmd.data.world.hits.people import torso
from cmmd.data.world.hits.rhythm import FAR, draw_contacts, phase, with_least_gap
from cmmd.data.world.hits.setting import Setting, Sounding
from cmmd.data.world.hits.sprites import Patch, bake
from cmmd.data.world.hits.strikers import DARK


def bounce(rng: np.random.Generator, setting: Setting) -> list[Sounding]:
    """Adds one bouncing ball to the stage; longer flights are higher. Returns its sounding."""
    stage, dribbled = setting.stage, rng.random() < 0.5
    contacts = setting.clear(rng, _contacts(rng, setting, dribbled=dribbled))
    at = phase(contacts, stage.t)
    radius = setting.scale * float(np.exp(rng.uniform(np.log(1.5), np.log(8))))
    gaps = np.concatenate([[FAR], np.diff(contacts), [FAR]])
    gravity = rng.uniform(80, 400) * setting.scale
    tops = np.minimum(gravity / 8 * gaps**2, rng.uniform(25, 60))[at.interval] * setting.reach
    height = tops * 4 * at.fraction * (1 - at.fraction)
    x, ground = _way(rng, setting, contacts, at.interval, at.fraction), rng.uniform(36, 58)
    squash = rng.uniform(0, 0.25) * np.exp(-np.minimum(at.since, at.until) / 0.02)
    shadow = bake([Patch(ellipse(radius, 0.35 * radius), DARK)], density=setting.density, light=0.0, soft=0.3 * radius)
    at_ground = np.stack([x, np.full(len(x), ground)], axis=1)
    stage.add(
        shadow, at_ground + np.stack([rng.normal(0, 0.4) * height, 0 * x], 1), opacity=0.5 / (1 + height / (2 * radius))
    )
    ball = at_ground - np.stack([0 * x, height + radius * (1 - squash)], axis=1)
    if dribbled:
        _hand_above(rng, setting, ball, tops, height, ground, radius)
    turn = np.where(squash > 0.01, 0.0, rng.normal(0, 4) * stage.t)
    stage.add(_ball(rng, setting, radius), ball, angle=turn, stretch=1 - squash)
    material = (PLASTIC, CLOTH, WOOD, METAL)[rng.choice(4, p=[0.5, 0.2, 0.2, 0.1])]
    strengths = np.clip(0.3 + 0.7 * np.sqrt(gaps[:-1] / 0.7), 0.25, 1.0) * rng.uniform(0.85, 1.0, len(contacts))
    body = draw_body(rng, material, radius * rng.uniform(1.0, 1.6))
    return [Sounding(source=0, body=body, hardness=rng.uniform(0.3, 0.9), times=contacts, strengths=strengths)]


def _contacts(rng: np.random.Generator, setting: Setting, *, dribbled: bool) -> np.ndarray:
    """Contact times (s) of a dribbled ball, or of a ball that is dropped repeatedly, with gaps that shrink by a
    constant factor."""
    if dribbled:
        return draw_contacts(rng, setting.start, setting.stop, shortest=0.28, longest=0.8)
    times, factor = [], rng.uniform(0.6, 0.88)
    for first in draw_contacts(rng, setting.start, setting.stop, shortest=1.2, longest=3.0).tolist():
        gap = rng.uniform(0.35, 0.8)
        times = [time for time in times if time < first - 0.3]
        time = first
        while gap > 0.13:
            times.append(time)
            time += gap
            gap *= factor
    return with_least_gap(np.array([time for time in times if time < setting.stop]))


def _way(
    rng: np.random.Generator, setting: Setting, contacts: np.ndarray, interval: np.ndarray, fraction: np.ndarray
) -> np.ndarray:
    """x over time (units): in one spot, back and forth, or across the picture; linear between two contacts."""
    x = rng.uniform(16, 48) + rng.normal(0, rng.choice([0.3, 3.0]) * setting.scale, len(contacts) + 2)
    if rng.random() < 0.3:
        x = x + rng.normal(0, 14) * (np.concatenate([contacts[:1] - 1, contacts, contacts[-1:] + 1]) - contacts.mean())
    return x[interval] * (1 - fraction) + x[interval + 1] * fraction


def _ball(rng: np.random.Generator, setting: Setting, radius: float):
    """A ball, often with seams or stripes that make its rotation visible."""
    look = any_look(rng) if rng.random() < 0.5 else draw_look(rng, PLASTIC)
    patches = [Patch(ellipse(radius, radius), look)]
    if rng.random() < 0.6:
        patches.append(Patch(box(0.12 * radius, 0.95 * radius), any_look(rng)))
        patches.append(Patch(box(0.95 * radius, 0.12 * radius), any_look(rng)))
    return bake(patches, **setting.drawn)


def _hand_above(
    rng: np.random.Generator,
    setting: Setting,
    ball: np.ndarray,
    tops: np.ndarray,
    height: np.ndarray,
    ground: float,
    radius: float,
) -> None:
    """Adds a hand that meets the ball at the top and follows it a little, in half of the scenes with a torso."""
    build = setting.person(rng)
    follows = np.clip(height - 0.75 * tops, 0, None)
    wrist = np.stack([ball[:, 0], ground - 0.75 * tops - follows - 2 * radius - 0.5 * build.thick], axis=1)
    side = float(rng.choice([-1, 1]))
    shoulder = wrist.mean(0) + point(side * rng.uniform(3, 9) * build.thick, -rng.uniform(2, 6) * build.thick)
    if rng.random() < 0.5:
        torso(rng, setting.stage, shoulder + point(side * 3 * build.thick, 5 * build.thick), build)
    sprite, length = flat_hand(rng, build)
    wrist = wrist + point(side * 0.5 * length, 0.0)
    arm(rng, setting.stage, wrist, shoulder=shoulder, side=side, build=build)
    setting.stage.add(sprite, wrist, angle=0.0 if side < 0 else np.pi, stretch=-side)
