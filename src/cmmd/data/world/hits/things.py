"""Struck objects: their outlines and materials, seen from the side and slightly from above (ours: decision 12).

The origin of an object is the middle of its contact area. Its body extends downwards from there (y downwards).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from cmmd.data.pictures.outlines import blob, box, capsule, ellipse, point, turned, wedge
from cmmd.data.world.hits.bodies import Body, draw_body
from cmmd.data.world.hits.materials import (
    CLOTH,
    EARTH,
    GLASS,
    METAL,
    PLASTIC,
    SKIN,
    WATER,
    WOOD,
    Material,
    draw_look,
)
from cmmd.data.world.hits.rhythm import Phase
from cmmd.data.world.hits.sprites import Look, Patch, bake
from cmmd.data.world.hits.stage import Stage


@dataclass(frozen=True, kw_only=True, slots=True)
class Form:
    """patches: of the sprite, from the back to the front. reach: half width and half height of the contact area
    (units). size: half extent (units), which determines the pitch. loose: how far the object moves when it is struck
    (units)."""

    patches: list[Patch]
    reach: tuple[float, float]
    size: float
    loose: float = 0.3


@dataclass(frozen=True, kw_only=True, slots=True)
class Thing:
    """at: contact position, (2,) in units. body: its sound."""

    form: Form
    material: Material
    body: Body
    at: np.ndarray


def darker(look: Look, factor: float) -> Look:
    """The same look with its colour multiplied by `factor`."""
    return replace(look, colour=look.colour * factor)


def _block(rng: np.random.Generator, s: float, look: Look) -> Form:
    """A box with a lighter top and a front."""
    a, depth, tall = s * rng.uniform(0.8, 1.6), s * rng.uniform(0.1, 0.5), s * rng.uniform(0.3, 1.4)
    skew = rng.normal(0, 0.2) * s
    top = np.array([[-a + skew, -depth], [a + skew, -depth], [a, depth], [-a, depth]])
    front = box(a, tall / 2) + point(0.0, depth + tall / 2)
    patches = [Patch(front, darker(look, rng.uniform(0.5, 0.8))), Patch(top, replace(look, gloss=0.1))]
    if rng.random() < 0.3:  # a label, a door, a handle
        mark = box(a * rng.uniform(0.1, 0.6), tall * rng.uniform(0.1, 0.3)) + point(
            a * rng.normal(0, 0.2), depth + tall / 2
        )
        patches.append(Patch(mark, replace(look, colour=rng.uniform(0, 1, 3))))
    return Form(patches=patches, reach=(0.8 * a, 0.6 * depth), size=np.sqrt(a * (depth + tall / 2)))


def _drum(rng: np.random.Generator, s: float, look: Look) -> Form:
    """A shell with a head, seen from above or nearly from the side."""
    a, tall = s * rng.uniform(0.9, 1.3), s * rng.uniform(0.3, 1.6)
    depth = a * rng.uniform(0.12, 0.75)
    shell = draw_look(rng, WOOD if rng.random() < 0.5 else PLASTIC)
    body = np.concatenate([ellipse(a, depth)[12:], (ellipse(a * rng.uniform(0.6, 1.0), depth) + point(0.0, tall))[:12]])
    rim = draw_look(rng, METAL)
    patches = [
        Patch(body, shell),
        Patch(ellipse(a * 1.04, depth * 1.04), rim),
        Patch(ellipse(a * 0.95, depth * 0.95), look),
    ]
    if rng.random() < 0.3:
        patches.append(Patch(ellipse(a * 0.45, depth * 0.45), darker(look, rng.uniform(0.15, 0.9))))
    return Form(patches=patches, reach=(0.6 * a, 0.5 * depth), size=a, loose=0.15)


def _vessel(rng: np.random.Generator, s: float, look: Look) -> Form:
    """A cup, a pot or a bowl, struck at its rim."""
    a, tall = s * rng.uniform(0.7, 1.2), s * rng.uniform(0.6, 1.8)
    depth = a * rng.uniform(0.1, 0.4)
    side = turned(wedge(tall / 2, a, taper=rng.uniform(0.5, 1.0)), np.pi / 2) + point(0.0, tall / 2)
    inside = darker(look, rng.uniform(0.3, 0.7)) if rng.random() < 0.7 else draw_look(rng, WATER)
    patches = [
        Patch(side, look),
        Patch(ellipse(a, depth), replace(look, gloss=0.1)),
        Patch(ellipse(a * 0.88, depth * 0.8), inside),
    ]
    return Form(patches=patches, reach=(0.9 * a, 0.3 * depth), size=np.sqrt(a * tall / 2), loose=0.3)


def _bottle(rng: np.random.Generator, s: float, look: Look) -> Form:
    """An upright bottle with a neck."""
    a, tall = s * rng.uniform(0.35, 0.6), s * rng.uniform(1.5, 2.6)
    neck = box(a * 0.4, tall * 0.15) + point(0.0, tall * 0.15)
    trunk = box(a, tall * 0.38, rounding=a * 0.6) + point(0.0, tall * 0.62)
    return Form(
        patches=[Patch(neck, look), Patch(trunk, look)], reach=(0.3 * a, 0.1), size=np.sqrt(a * tall / 2), loose=0.4
    )


def _plate(rng: np.random.Generator, s: float, look: Look) -> Form:
    """A cymbal on its stand, a tray, a lid."""
    a = s * rng.uniform(1.1, 1.8)
    b = a * rng.uniform(0.08, 0.5)
    stand = turned(capsule(s * rng.uniform(1, 4), 0.35, 0.35), np.pi / 2)
    patches = [
        Patch(stand, draw_look(rng, METAL)),
        Patch(ellipse(a, b), look),
        Patch(ellipse(a * 0.25, b * 0.3), darker(look, 1.3)),
    ]
    return Form(patches=patches, reach=(0.8 * a, 0.5 * b), size=a, loose=0.6)


def _heap(rng: np.random.Generator, s: float, look: Look) -> Form:
    """A bag, a stone, soil, a coat."""
    a, b = s * rng.uniform(0.9, 1.5), s * rng.uniform(0.5, 1.0)
    outline = blob(rng, a, b, roughness=rng.uniform(0.05, 0.25)) + point(0.0, 0.8 * b)
    fold = blob(rng, a * 0.6, b * 0.4, roughness=0.3) + point(rng.normal(0, 0.2) * a, b)
    patches = [Patch(outline, look), Patch(fold, darker(look, rng.uniform(0.8, 1.15)))]
    return Form(patches=patches, reach=(0.5 * a, 0.1 * b), size=np.sqrt(a * b), loose=0.35)


def _bar(rng: np.random.Generator, s: float, look: Look) -> Form:
    """A bar of a xylophone, a plank, a pipe."""
    a, b = s * rng.uniform(0.3, 0.7), s * rng.uniform(1.0, 1.8)
    patches = [Patch(box(a, b * 0.7), look), Patch(box(a, b * 0.12) + point(0.0, b * 0.82), darker(look, 0.5))]
    return Form(patches=patches, reach=(0.6 * a, 0.4 * b), size=b, loose=0.1)


def _pool(rng: np.random.Generator, s: float, look: Look) -> Form:
    """Water or loose ground, seen from above at a slant."""
    a, b = s * rng.uniform(1.2, 2.2), s * rng.uniform(0.3, 0.8)
    rim = Patch(blob(rng, a * 1.1, b * 1.15, roughness=0.08), draw_look(rng, EARTH))
    return Form(
        patches=[rim, Patch(blob(rng, a, b, roughness=0.08), look)], reach=(0.6 * a, 0.5 * b), size=s, loose=0.0
    )


FormMaker = Callable[[np.random.Generator, float, Look], Form]
FORMS: tuple[tuple[FormMaker, tuple[Material, ...]], ...] = (
    (_block, (WOOD, WOOD, METAL, PLASTIC, PLASTIC, CLOTH)),
    (_drum, (SKIN, SKIN, PLASTIC)),
    (_vessel, (METAL, GLASS, PLASTIC)),
    (_bottle, (GLASS, PLASTIC)),
    (_plate, (METAL, METAL, GLASS)),
    (_heap, (CLOTH, CLOTH, EARTH, EARTH)),
    (_bar, (WOOD, METAL)),
    (_pool, (WATER, WATER, EARTH)),
)


def draw_thing(rng: np.random.Generator, at: np.ndarray, *, size: float, forms: tuple[FormMaker, ...] = ()) -> Thing:
    """Draws an object of about `size` units at `at` (2,), of one of `forms` if any are given."""
    choice = [pair for pair in FORMS if not forms or pair[0] in forms]
    make, materials = choice[rng.integers(len(choice))]
    material = materials[rng.integers(len(materials))]
    form = make(rng, size, draw_look(rng, material))
    return Thing(form=form, material=material, body=draw_body(rng, material, form.size), at=np.asarray(at, float))


def put(rng: np.random.Generator, stage: Stage, thing: Thing, struck: Phase, *, density: float, light: float) -> None:
    """Adds an object to the stage. It sinks, shivers or tilts when it is struck. struck: phase of its contacts."""
    sprite = bake(thing.form.patches, density=density, light=light)
    lasting, speed = np.exp(rng.uniform(np.log(0.03), np.log(0.25))), rng.uniform(20, 110)
    shiver = np.exp(-struck.since / lasting) * np.cos(speed * struck.since)
    amount = thing.form.loose * rng.exponential(1.0) * (rng.random() < 0.7)
    offset = np.stack([0.4 * amount * shiver, amount * shiver], axis=1)
    tilt = 0.05 * amount * shiver if rng.random() < 0.5 else 0.0
    stage.add(sprite, thing.at + offset, angle=rng.normal(0, 0.03) + tilt)
