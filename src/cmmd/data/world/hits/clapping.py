"""The act `clap`: two hands or two objects meet in the air (ours: decision 12)."""

import numpy as np

from cmmd.data.pictures.outlines import ellipse
from cmmd.data.world.hits.bodies import draw_body
from cmmd.data.world.hits.limbs import arm
from cmmd.data.world.hits.materials import CLOTH, METAL, WOOD, draw_look
from cmmd.data.world.hits.people import torso
from cmmd.data.world.hits.setting import Setting, Sounding
from cmmd.data.world.hits.sprites import Patch, bake
from cmmd.data.world.hits.strikers import Blows, path_of
from cmmd.data.world.hits.stroke import draw_stroke


def clap(rng: np.random.Generator, setting: Setting) -> list[Sounding]:
    """Adds a person who claps. Both sides move, or one is held still. Returns one sounding."""
    stage, build = setting.stage, setting.person(rng)
    contacts = setting.contacts(rng, shortest=0.18, longest=0.9)
    w, centre = build.thick, np.array([rng.uniform(18, 46), rng.uniform(22, 48)])
    shoulders = list(torso(rng, stage, centre - (rng.normal(0, 2) * w, 2 * w), build))
    stroke = draw_stroke(rng, contacts, stage.t)
    things = rng.random() < 0.3
    material = (METAL, WOOD)[rng.integers(2)] if things else CLOTH
    look = draw_look(rng, material) if things else build.skin
    tilt, still = rng.normal(0, 0.4), rng.random() < 0.25
    rise = setting.reach * setting.scale * rng.uniform(2.5, 9)
    palm = bake([Patch(ellipse(0.5 * w, 1.6 * w), look)], **setting.drawn)
    points = centre + rng.normal(0, 0.5, (len(contacts), 2)) * w
    for side, shoulder in zip((-1.0, 1.0), shoulders, strict=True):
        normal = side * np.array([np.cos(tilt), np.sin(tilt)])
        height = 0.05 * rise if still and side > 0 else rise
        path = path_of(rng.spawn(1)[0], Blows(contacts=contacts, points=points, normal=normal, rise=height), stroke)
        hand = path.tip + normal * 0.5 * w
        arm(rng, stage, hand + normal * 0.4 * w + (0.0, 1.2 * w), shoulder=shoulder, side=-side, build=build)
        stage.add(palm, hand, angle=tilt + 0.25 * side * stroke.height)
    body = draw_body(rng, material, w * rng.uniform(1.5, 4))
    return [Sounding(source=0, body=body, hardness=rng.uniform(0.4, 0.8), times=contacts, strengths=stroke.strengths)]
