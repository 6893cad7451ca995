"""The act `type_keys`: fingers type on keys, in close view (ours: decision 12)."""

import numpy as np

from cmmd.data.pictures.outlines import box, ellipse, point
from cmmd.data.world.hits.bodies import draw_body
from cmmd.data.world.hits.limbs import Build, arm
from cmmd.data.world.hits.materials import METAL, PLASTIC, WOOD, draw_look
from cmmd.data.world.hits.rhythm import phase
from cmmd.data.world.hits.setting import Setting, Sounding
from cmmd.data.world.hits.sprites import Patch, bake
from cmmd.data.world.hits.strikers import DARK, Blows, path_of, tap
from cmmd.data.world.hits.stroke import draw_stroke
from cmmd.data.world.hits.things import darker
from cmmd.data.world.hits.wobble import wobble

FINGERS = 4


def type_keys(rng: np.random.Generator, setting: Setting) -> list[Sounding]:
    """Adds one or two hands and a board of keys that all sound alike. Returns one sounding per hand."""
    contacts = setting.contacts(rng, shortest=0.12, longest=0.45)
    build, scale = setting.person(rng, scale=1.6 * setting.scale), setting.scale
    pitch = scale * rng.uniform(3.0, 6.0)
    centre, lean = np.array([rng.uniform(24, 40), rng.uniform(24, 44)]), rng.normal(0, 0.2)
    _keys(rng, setting, centre, pitch, lean)
    hands = int(rng.choice([1, 2]))
    who = rng.integers(0, hands * FINGERS, len(contacts))
    body = draw_body(rng, (PLASTIC, PLASTIC, METAL, WOOD)[rng.integers(4)], rng.uniform(1.5, 5.0))
    soundings = []
    for hand in range(hands):
        middle = centre + point((hand - (hands - 1) / 2) * pitch * rng.uniform(4, 6), rng.uniform(-0.5, 1.5) * pitch)
        strengths = _hand(rng, setting, build, contacts, who - hand * FINGERS, middle, pitch)
        mine = (who >= hand * FINGERS) & (who < (hand + 1) * FINGERS)
        soundings.append(Sounding(source=0, body=body, hardness=0.75, times=contacts[mine], strengths=strengths[mine]))
    return soundings


def _keys(rng: np.random.Generator, setting: Setting, centre: np.ndarray, pitch: float, lean: float) -> None:
    """Adds rows of keys on a board, as one sprite."""
    columns, rows = int(rng.integers(7, 15)), int(rng.integers(2, 6))
    look = draw_look(rng, PLASTIC)
    board = Patch(
        box(0.55 * pitch * columns, 0.55 * pitch * rows, rounding=pitch * 0.3),
        draw_look(rng, (PLASTIC, WOOD, METAL)[rng.integers(3)]),
    )
    patches = [board]
    for row in range(rows):
        for column in range(columns):
            middle = np.array([column - (columns - 1) / 2 + 0.25 * (row % 2), row - (rows - 1) / 2]) * pitch
            patches.append(
                Patch(
                    box(0.4 * pitch, 0.4 * pitch, rounding=0.1 * pitch) + middle, darker(look, 1 + 0.1 * rng.normal())
                )
            )
    setting.stage.add(bake(patches, **setting.drawn), centre, angle=lean)


def _hand(
    rng: np.random.Generator,
    setting: Setting,
    build: Build,
    contacts: np.ndarray,
    finger_of: np.ndarray,
    middle: np.ndarray,
    pitch: float,
) -> np.ndarray:
    """Adds one hand: its back, its fingers, and the keys that it presses. Returns the strength of every contact,
    (k,)."""
    stage, w = setting.stage, build.thick
    drift = wobble(rng, stage.t, 0.4 * pitch, fastest=0.8)
    back = middle + drift + point(0.0, 3.4 * w)
    strengths = np.full(len(contacts), 0.5)
    tips, knuckles = [], []
    for finger in range(FINGERS):
        mine = finger_of == finger
        rest = middle + drift + point((finger - 1.5) * 0.75 * w, -0.3 * w * (finger in (1, 2)))
        tip, strengths[mine] = _finger(rng, setting, contacts[mine], rest, w, pitch)
        tips.append(tip)
        knuckles.append(back + point((finger - 1.5) * 0.62 * w, -1.3 * w))
    tap(stage, tips, knuckles, build=build)
    elbow = back.mean(0) + point(rng.normal(0, 12), 50.0)
    arm(rng, stage, back + point(0.0, 1.2 * w), shoulder=elbow, side=1.0, build=build)
    palm = Patch(ellipse(1.5 * w, 1.7 * w), build.skin)
    stage.add(bake([palm], **setting.drawn), back)
    return strengths


def _finger(
    rng: np.random.Generator, setting: Setting, contacts: np.ndarray, rest: np.ndarray, thick: float, pitch: float
) -> tuple[np.ndarray, np.ndarray]:
    """Adds the keys that a finger presses. rest: rest position of its tip, (n, 2). Returns the position of the tip (n,
    2) and the strengths of its contacts."""
    t = setting.stage.t
    if not len(contacts):
        return rest - point(0.0, 0.4 * thick), np.zeros(0)
    stroke = draw_stroke(rng, contacts, t)
    at_contact = rest[np.searchsorted(t, contacts).clip(0, len(t) - 1)]
    points = at_contact + rng.normal(0, 0.3, (len(contacts), 2)) * pitch
    rise = setting.reach * thick * rng.uniform(0.7, 2)
    path = path_of(rng, Blows(contacts=contacts, points=points, normal=point(0.0, -1.0), rise=rise), stroke)
    key = Patch(box(0.42 * pitch, 0.42 * pitch), DARK)
    pressed = bake([key], density=setting.density, light=0.0, soft=0.1 * pitch)
    setting.stage.add(pressed, path.ground, opacity=0.5 * np.exp(-phase(contacts, t).since / 0.06))
    return path.tip, stroke.strengths
