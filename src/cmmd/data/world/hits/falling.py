"""The act `fall`: objects drop, strike the ground, bounce up to three times and lie still (ours: decision 12)."""

from itertools import pairwise

import numpy as np

from cmmd.data.world.hits.limbs import arm, fist
from cmmd.data.world.hits.rhythm import LEAST, draw_contacts
from cmmd.data.world.hits.setting import Setting, Sounding
from cmmd.data.world.hits.sprites import Sprite, bake
from cmmd.data.world.hits.stage import Stage
from cmmd.data.world.hits.things import draw_thing


def fall(rng: np.random.Generator, setting: Setting) -> list[Sounding]:
    """Drops one kind of object repeatedly; fallen objects stay where they lie. Returns one sounding."""
    size = setting.scale * float(np.exp(rng.uniform(np.log(2.5), np.log(9))))
    thing = draw_thing(rng, np.zeros(2), size=size)
    sprite = bake(thing.form.patches, **setting.drawn)
    below = float(np.concatenate([patch.outline for patch in thing.form.patches])[:, 1].max())
    landings = _landings(rng, setting)
    centre, gravity = np.array([rng.uniform(16, 48), rng.uniform(34, 58)]), rng.uniform(150, 500) * setting.scale
    strengths = []
    for times in landings:
        force = rng.uniform(0.5, 1.0)
        strengths += [max(force * 0.6**index, 0.2) for index in range(len(times))]
        at = centre + rng.normal(0, 4, 2) * setting.scale - (0.0, below)
        drop = rng.uniform(14, 60) * setting.reach
        _drop(rng, setting.stage, sprite, times, at, drop=drop, gravity=gravity)
    if rng.random() < 0.4:
        _let_go(rng, setting, centre - (0.0, rng.uniform(14, 34)))
    return [
        Sounding(
            source=0,
            body=thing.body,
            hardness=rng.uniform(0.5, 0.95),
            times=np.concatenate(landings),
            strengths=np.array(strengths),
        )
    ]


def _landings(rng: np.random.Generator, setting: Setting) -> list[np.ndarray]:
    """Contact times (s) of every drop: the first contact and up to three more with shorter and shorter gaps. All are
    over before the next object falls."""
    firsts = draw_contacts(rng, setting.start, setting.stop, shortest=0.9, longest=2.4)
    drops = []
    for first, following in zip(firsts.tolist(), [*firsts[1:].tolist(), np.inf], strict=True):
        times, gap = [first], rng.uniform(0.14, 0.32)
        for _ in range(int(rng.choice([0, 1, 2, 3], p=[0.4, 0.3, 0.2, 0.1]))):
            if gap < LEAST or times[-1] + gap > following - 2 * LEAST:
                break
            times.append(times[-1] + gap)
            gap *= rng.uniform(0.5, 0.8)
        drops.append(np.array(times))
    together = np.concatenate(drops)
    shift = setting.clear(rng, together)[0] - together[0]
    return [times + shift for times in drops]


def _drop(
    rng: np.random.Generator,
    stage: Stage,
    sprite: Sprite,
    landings: np.ndarray,
    at: np.ndarray,
    *,
    drop: float,
    gravity: float,
) -> None:
    """Adds an object that falls from `drop` units above `at` and bounces until it lies still."""
    t, first, last = stage.t, landings[0], landings[-1]
    begin = first - np.sqrt(2 * drop / gravity)
    height = np.where(t < first, drop - 0.5 * gravity * np.clip(t - begin, 0, None) ** 2, 0.0)
    for start, stop in pairwise(landings.tolist()):
        height = np.where((t >= start) & (t < stop), 0.5 * gravity * (t - start) * (stop - t), height)
    tumbling = np.clip(t - first, 0, last + 0.05 - first)
    turn = rng.normal(0, 2.5) * tumbling * (rng.random() < 0.7)
    moved = at + np.stack([rng.normal(0, 10) * tumbling, -height], axis=1)
    stage.add(sprite, moved, angle=turn, opacity=(t >= begin - 0.15).astype(float))


def _let_go(rng: np.random.Generator, setting: Setting, at: np.ndarray) -> None:
    """Adds a hand from which the objects fall."""
    build, side = setting.person(rng), float(rng.choice([-1, 1]))
    wrist = np.broadcast_to(at, (len(setting.stage.t), 2))
    shoulder = at + rng.uniform(30, 60) * np.array([side, rng.normal(0, 0.4)])
    arm(rng, setting.stage, wrist, shoulder=shoulder, side=side, build=build)
    setting.stage.add(fist(build), wrist, angle=0.0 if side < 0 else np.pi)
