"""The act `play`: sticks, mallets, hammers, blades and hands strike objects or a surface (ours: decision 12)."""

from dataclasses import dataclass

import numpy as np

from cmmd.data.pictures.outlines import point
from cmmd.data.world.hits.bodies import Body, draw_body
from cmmd.data.world.hits.hand_tools import draw_tool
from cmmd.data.world.hits.limbs import Build
from cmmd.data.world.hits.people import torso
from cmmd.data.world.hits.rhythm import phase
from cmmd.data.world.hits.setting import Setting, Sounding
from cmmd.data.world.hits.strikers import Blows, cast_shadow, path_of, slap, swing
from cmmd.data.world.hits.stroke import draw_stroke
from cmmd.data.world.hits.things import Thing, draw_thing, put

KINDS = (
    "stick",
    "stick",
    "stick",
    "stick",
    "mallet",
    "hammer",
    "hammer",
    "hand",
    "hand",
    "hand",
    "blade",
    "thing",
    "pan",
)
LENGTHS = {"stick": 20.0, "mallet": 17.0, "hammer": 15.0, "blade": 13.0, "thing": 6.0, "pan": 16.0}
"""Lengths of tools from grip to tip, in units at scale 1."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """A region that can be touched: within `spread` (2,) of `at` (2,), in units. thing: None for a surface."""

    at: np.ndarray
    spread: np.ndarray
    body: Body
    thing: Thing | None


def play(rng: np.random.Generator, setting: Setting) -> list[Sounding]:
    """Adds one to three hands that strike one to four objects or a surface. Returns their soundings."""
    contacts = setting.contacts(rng, shortest=0.16, longest=1.1)
    tilt = rng.normal(0, 0.25) if rng.random() < 0.85 else rng.uniform(-np.pi, np.pi)
    normal = np.array([np.sin(tilt), -np.cos(tilt)])
    targets = _targets(rng, setting, normal)
    kept = rng.integers(1, 5)
    owners = rng.integers(0, len(targets), len(contacts) // kept + 1).repeat(kept)[: len(contacts)]
    centre = np.mean([target.at for target in targets], axis=0)
    build = setting.person(rng)
    shoulders = _shoulders(rng, setting, centre, build)
    for index in sorted(range(len(targets)), key=lambda number: targets[number].at[1]):
        thing = targets[index].thing
        if thing is not None:
            put(rng, setting.stage, thing, phase(contacts[owners == index], setting.stage.t), **setting.drawn)
    hands = int(rng.choice([1, 2, 3], p=[0.5, 0.45, 0.05]))
    who = np.arange(len(contacts)) % hands if rng.random() < 0.6 else rng.integers(0, hands, len(contacts))
    kind, soundings = str(rng.choice(KINDS)), []
    for hand in range(hands):
        mine = who == hand
        if mine.any():
            shoulder = shoulders[hand % 2]
            soundings += _hand(rng, setting, kind, contacts[mine], owners[mine], targets, normal, build, shoulder)
    return soundings


def _targets(rng: np.random.Generator, setting: Setting, normal: np.ndarray) -> list[Target]:
    """Objects in a row across the normal, or one region of a surface."""
    centre = np.array([rng.uniform(16, 48), rng.uniform(26, 50)])
    if rng.random() < 0.25:
        body = draw_body(rng, setting.ground, rng.uniform(10, 26))
        spread = setting.scale * np.array([rng.uniform(3, 16), rng.uniform(1, 8)])
        return [Target(at=centre, spread=spread, body=body, thing=None)]
    count = int(rng.choice([1, 2, 3, 4], p=[0.45, 0.25, 0.18, 0.12]))
    across = np.array([-normal[1], normal[0]])
    size = setting.scale * float(np.exp(rng.uniform(np.log(3.5), np.log(13)))) / np.sqrt(count)
    gap = size * rng.uniform(1.8, 3.0)
    targets = []
    for index in range(count):
        at = centre + across * (index - (count - 1) / 2) * gap + rng.normal(0, 0.25, 2) * size * (count > 1)
        thing = draw_thing(rng, at, size=float(size * np.exp(rng.normal(0, 0.25))))
        targets.append(Target(at=at, spread=np.array(thing.form.reach), body=thing.body, thing=thing))
    return targets


def _shoulders(rng: np.random.Generator, setting: Setting, centre: np.ndarray, build: Build) -> list[np.ndarray]:
    """The shoulders of a person behind the objects, or of a person outside the picture."""
    if rng.random() < 0.4:
        w = build.thick
        chest = centre + point(rng.normal(0, 2.5) * w, -rng.uniform(4, 9) * w)
        return list(torso(rng, setting.stage, chest, build))
    angle = rng.uniform(-0.3, np.pi + 0.3) if rng.random() < 0.8 else rng.uniform(0, 2 * np.pi)
    far = rng.uniform(38, 70) * np.array([np.cos(angle), np.sin(angle)])
    aside = rng.uniform(5, 25) * np.array([-far[1], far[0]]) / np.hypot(*far)
    return [centre + far + aside, centre + far - aside]


def _hand(
    rng: np.random.Generator,
    setting: Setting,
    kind: str,
    contacts: np.ndarray,
    owners: np.ndarray,
    targets: list[Target],
    normal: np.ndarray,
    build: Build,
    shoulder: np.ndarray,
) -> list[Sounding]:
    """Adds one hand and its blows to the stage. Returns the soundings of the targets that it strikes."""
    stage, scale = setting.stage, setting.scale
    blows = _aimed(rng, setting, contacts, owners, targets, normal)
    stroke = draw_stroke(rng, contacts, stage.t)
    path, lean = path_of(rng, blows, stroke), _lean(rng, blows, shoulder)
    if rng.random() < 0.7:
        cast_shadow(rng, stage, path, stroke, radius=scale * rng.uniform(1, 5), density=setting.density)
    if kind == "hand":
        slap(rng, stage, path, stroke, blows, build=build, shoulder=shoulder, lean=lean)
        hardness = rng.uniform(0.15, 0.45)
    else:
        thick = scale * float(np.exp(rng.uniform(np.log(0.4), np.log(1.2))))
        length = LENGTHS[kind] * scale * float(np.exp(rng.normal(0, 0.3)))
        tool = draw_tool(rng, kind, length=length, thick=thick, **setting.drawn)
        holder = build if rng.random() < 0.9 else None
        swing(rng, stage, path, stroke, blows, tool, build=holder, shoulder=shoulder, lean=lean)
        hardness = tool.hardness
    soundings = []
    for owner in sorted(set(owners.tolist())):
        mine = owners == owner
        played = {"times": contacts[mine], "strengths": stroke.strengths[mine]}
        soundings.append(Sounding(source=owner, body=targets[owner].body, hardness=hardness, **played))
    return soundings


def _aimed(
    rng: np.random.Generator,
    setting: Setting,
    contacts: np.ndarray,
    owners: np.ndarray,
    targets: list[Target],
    normal: np.ndarray,
) -> Blows:
    """Contact points of the hand on each target, mostly close together."""
    habit = rng.normal(0, 0.4, (len(targets), 2))
    aim = np.clip(habit[owners] + rng.normal(0, 0.2, (len(contacts), 2)), -1, 1)
    at, spread = (np.stack(column)[owners] for column in zip(*((x.at, x.spread) for x in targets), strict=True))
    rise = setting.reach * setting.scale * float(np.exp(rng.uniform(np.log(4), np.log(22))))
    return Blows(contacts=contacts, points=at + aim * spread, normal=normal, rise=rise)


def _lean(rng: np.random.Generator, blows: Blows, shoulder: np.ndarray) -> float:
    """Angle of a tool to the normal (radians): towards the shoulder, never zero."""
    to = np.atleast_2d(shoulder).mean(0) - blows.points.mean(0)
    lean = np.arctan2(to[1], to[0]) - np.arctan2(blows.normal[1], blows.normal[0])
    lean = (lean + np.pi) % (2 * np.pi) - np.pi
    return float(np.clip(lean * rng.uniform(0.5, 1.0), -1.55, 1.55)) or 0.1
