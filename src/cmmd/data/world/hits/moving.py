"""Silent motion: passers-by, objects that float, turn or wave, and strokes in the air (ours)."""

import numpy as np

from cmmd.data.pictures.outlines import blob, box, capsule, ellipse
from cmmd.data.pictures.palette import draw_palette
from cmmd.data.pictures.textures import draw_number
from cmmd.data.world.hits.hand_tools import draw_tool
from cmmd.data.world.hits.limbs import arm, fist
from cmmd.data.world.hits.rhythm import draw_contacts
from cmmd.data.world.hits.setting import Setting
from cmmd.data.world.hits.sprites import Look, Patch, bake
from cmmd.data.world.hits.strikers import Blows, path_of, swing
from cmmd.data.world.hits.stroke import draw_stroke
from cmmd.data.world.hits.wobble import wobble


def distract(rng: np.random.Generator, setting: Setting) -> None:
    """Adds one object that moves and is not heard."""
    (_float, _pass, _turn, _wave, _hang)[rng.integers(5)](rng, setting)


def any_look(rng: np.random.Generator) -> Look:
    """Draws a look of no particular material."""
    depth = 0.06 * rng.exponential()
    return Look(colour=draw_palette(rng, 1)[0], texture=draw_number(rng), depth=depth, gloss=rng.uniform(0, 0.8))


def _patch(rng: np.random.Generator, size: float) -> Patch:
    a, b = size * np.exp(rng.normal(0, 0.4, 2))
    outline = (ellipse(a, b), box(a, b, rounding=0.4 * b), blob(rng, a, b, roughness=0.2))[rng.integers(3)]
    return Patch(outline, any_look(rng))


def _size(rng: np.random.Generator, setting: Setting) -> float:
    return setting.scale * float(np.exp(rng.uniform(np.log(1.0), np.log(7.0))))


def _float(rng: np.random.Generator, setting: Setting) -> None:
    """An object that floats back and forth in mid-air."""
    t = setting.stage.t
    sprite = bake([_patch(rng, _size(rng, setting))], **setting.drawn)
    at = rng.uniform(4, 60, 2) + wobble(rng, t, rng.uniform(2, 9), slowest=0.2, fastest=1.8)
    setting.stage.add(sprite, at, angle=wobble(rng, t, 0.3)[:, 0])


def _pass(rng: np.random.Generator, setting: Setting) -> None:
    """An object that crosses the picture once."""
    t = setting.stage.t
    speed = np.exp(rng.uniform(np.log(8), np.log(90))) * rng.choice([-1, 1])
    when = rng.uniform(setting.start, setting.stop)
    at = np.stack([32 + speed * (t - when), np.full(len(t), rng.uniform(5, 60))], axis=1)
    sprite = bake([_patch(rng, 1.5 * _size(rng, setting))], **setting.drawn)
    setting.stage.add(sprite, at + wobble(rng, t, 1.0))


def _turn(rng: np.random.Generator, setting: Setting) -> None:
    """A fan, a wheel or another spinning object."""
    size = 1.5 * _size(rng, setting)
    look = any_look(rng)
    blades = [
        Patch(box(size, size * rng.uniform(0.1, 0.3)), look),
        Patch(ellipse(0.3 * size, 0.3 * size), any_look(rng)),
    ]
    speed = np.exp(rng.uniform(np.log(1), np.log(16))) * rng.choice([-1, 1])
    setting.stage.add(bake(blades, **setting.drawn), rng.uniform(6, 58, 2), angle=speed * setting.stage.t)


def _wave(rng: np.random.Generator, setting: Setting) -> None:
    """An arm from outside the picture that moves and stays in the air."""
    t, build = setting.stage.t, setting.person(rng)
    middle, side = rng.uniform(10, 54, 2), rng.uniform(0, 2 * np.pi)
    swing_to = rng.uniform(2, 10) * np.sin(2 * np.pi * rng.uniform(0.4, 3) * t + rng.uniform(0, 6))
    hand = middle + swing_to[:, None] * rng.normal(0, 0.7, 2) + wobble(rng, t, 1.5)
    shoulder = middle + rng.uniform(35, 60) * np.array([np.cos(side), np.sin(side)])
    arm(rng, setting.stage, hand, shoulder=shoulder, side=float(rng.choice([-1, 1])), build=build)
    setting.stage.add(fist(build), hand)


def _hang(rng: np.random.Generator, setting: Setting) -> None:
    """A cable, a branch, a curtain that swings about its upper end."""
    length = rng.uniform(10, 50)
    thick = _size(rng, setting) * rng.uniform(0.1, 0.7)
    patch = Patch(capsule(length, thick, thick * rng.uniform(0.6, 1.5)), any_look(rng))
    rate = rng.uniform(0.2, 1.5)
    angle = np.pi / 2 + rng.uniform(0.02, 0.3) * np.sin(2 * np.pi * rate * setting.stage.t + rng.uniform(0, 6))
    setting.stage.add(bake([patch], **setting.drawn), np.array([rng.uniform(2, 62), rng.uniform(-4, 10)]), angle=angle)


def strike_air(rng: np.random.Generator, setting: Setting) -> None:
    """Adds a decoy: a tool that moves as if it struck, but turns around in mid-air."""
    t = setting.stage.t
    contacts = draw_contacts(rng, setting.start, setting.stop, shortest=0.2, longest=1.0)
    tilt = rng.normal(0, 0.4)
    normal = np.array([np.sin(tilt), -np.cos(tilt)])
    points = rng.uniform(10, 54, 2) + rng.normal(0, 1.0, (len(contacts), 2))
    rise = setting.reach * setting.scale * rng.uniform(3, 12)
    blows = Blows(contacts=contacts, points=points, normal=normal, rise=rise)
    stroke = draw_stroke(rng, contacts, t)
    kind = str(rng.choice(["stick", "mallet", "hammer", "pan"]))
    tool = draw_tool(rng, kind, length=setting.scale * rng.uniform(10, 20), thick=setting.scale * 0.8, **setting.drawn)
    lean = float(rng.choice([-1, 1]) * rng.uniform(0.3, 1.4))
    shoulder = points.mean(0) + rng.uniform(30, 60) * np.array([np.sign(lean), rng.uniform(-0.5, 1)])
    swing(
        rng,
        setting.stage,
        path_of(rng, blows, stroke),
        stroke,
        blows,
        tool,
        build=setting.person(rng),
        shoulder=shoulder,
        lean=lean,
    )
