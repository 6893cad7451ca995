"""The act `walk`: feet on the ground, in close view or with the whole person (ours: decision 12)."""

import numpy as np

from cmmd.data.pictures.outlines import box
from cmmd.data.world.hits.bodies import draw_body
from cmmd.data.world.hits.people import torso
from cmmd.data.world.hits.setting import Setting, Sounding
from cmmd.data.world.hits.sprites import Patch, bake
from cmmd.data.world.hits.strikers import Blows, cast_shadow, path_of, step
from cmmd.data.world.hits.stroke import draw_stroke


def walk(rng: np.random.Generator, setting: Setting) -> list[Sounding]:
    """Adds one pair of feet that step on the spot or walk across the picture. Returns their soundings."""
    stage = setting.stage
    contacts = setting.contacts(rng, shortest=0.3, longest=0.75)
    build = setting.person(rng)
    heading, ground = float(rng.choice([-1, 1])), rng.uniform(40, 60)
    speed = 0.0 if rng.random() < 0.4 else heading * rng.uniform(4, 18)
    middle = rng.uniform(20, 44)
    half = 0.5 * (setting.stop + setting.start)
    leg = build.thick * rng.uniform(13, 17)
    way = middle + speed * (stage.t - half)
    hip = np.stack([way, np.full(len(way), ground - 0.93 * leg)], axis=1)
    if rng.random() < 0.8:
        torso(rng, stage, hip - (0.0, 6.0 * build.thick), build)
    waist = Patch(box(2.6 * build.thick, 1.8 * build.thick, rounding=build.thick), build.trousers)
    stage.add(bake([waist], **setting.drawn), hip)
    body = draw_body(rng, setting.ground, rng.uniform(5, 16))
    hardness, soundings = rng.uniform(0.3, 0.8), []
    for foot in range(2):
        mine = contacts[foot::2]
        if not len(mine):
            continue
        lead = heading * 0.25 * abs(speed) * np.diff(contacts).mean() if len(contacts) > 1 else 0.0
        x = middle + speed * (mine - half) + lead + (foot - 0.5) * 2 * build.thick * (speed == 0)
        points = np.stack([x, np.full(len(mine), ground + 0.5 * foot * build.thick)], axis=1)
        rise = setting.reach * build.thick * rng.uniform(1.2, 5)
        blows = Blows(contacts=mine, points=points, normal=np.array([0.0, -1.0]), rise=rise)
        stroke = draw_stroke(rng, mine, stage.t)
        path = path_of(rng, blows, stroke)
        cast_shadow(rng, stage, path, stroke, radius=2.5 * build.thick, density=setting.density)
        step(rng, stage, path, stroke, build=build, hip=hip, heading=heading)
        soundings.append(Sounding(source=0, body=body, hardness=hardness, times=mine, strengths=stroke.strengths))
    return soundings
