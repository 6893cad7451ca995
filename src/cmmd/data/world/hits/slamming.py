"""The act `slam`: a lid or a door falls shut on its hinge; only in the unseen split (ours: decision 12)."""

import numpy as np

from cmmd.data.pictures.outlines import box, point
from cmmd.data.world.hits.bodies import draw_body
from cmmd.data.world.hits.limbs import arm, fist
from cmmd.data.world.hits.materials import METAL, PLASTIC, WOOD, draw_look
from cmmd.data.world.hits.setting import Setting, Sounding
from cmmd.data.world.hits.sprites import Patch, bake
from cmmd.data.world.hits.stroke import draw_stroke
from cmmd.data.world.hits.things import darker


def slam(rng: np.random.Generator, setting: Setting) -> list[Sounding]:
    """Adds a leaf that turns about its hinge onto its frame, in some scenes moved by a hand. Returns one sounding."""
    stage = setting.stage
    contacts = setting.contacts(rng, shortest=0.3, longest=1.2)
    stroke = draw_stroke(rng, contacts, stage.t)
    length = setting.scale * rng.uniform(14, 30)
    thick = length * rng.uniform(0.06, 0.2)
    hinge, side = np.array([rng.uniform(14, 50), rng.uniform(28, 50)]), float(rng.choice([-1, 1]))
    hinge[0] -= side * 0.5 * length
    material = (WOOD, METAL, PLASTIC)[rng.integers(3)]
    look = draw_look(rng, material)
    tall = length * rng.uniform(0.2, 0.7)
    frame = Patch(box(0.5 * length, 0.5 * tall) + point(0.0, 0.5 * tall), darker(look, rng.uniform(0.4, 0.8)))
    stage.add(bake([frame], **setting.drawn), hinge + point(side * 0.5 * length, 0.0))
    angle = -side * setting.reach * rng.uniform(0.4, 1.2) * stroke.height
    leaf = bake([Patch(box(0.5 * length, 0.5 * thick) + point(0.5 * length, -0.5 * thick), look)], **setting.drawn)
    stage.add(leaf, hinge, angle=angle + (0.0 if side > 0 else np.pi), stretch=side)
    if rng.random() < 0.6:
        build = setting.person(rng)
        edge = hinge + 0.9 * length * side * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        shoulder = edge.mean(0) + rng.uniform(35, 60) * np.array([side, rng.uniform(-0.6, 0.8)])
        arm(rng, stage, edge, shoulder=shoulder, side=float(rng.choice([-1, 1])), build=build)
        stage.add(fist(build), edge)
    body = draw_body(rng, material, 0.6 * length)
    return [Sounding(source=0, body=body, hardness=rng.uniform(0.4, 0.9), times=contacts, strengths=stroke.strengths)]
