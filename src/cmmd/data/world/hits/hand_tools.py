"""Tools that people strike with: sticks, mallets, hammers, blades, rackets and everyday objects (ours: decision 12).

A tool is drawn along x with its grip at the origin.
"""

from dataclasses import dataclass, replace

import numpy as np

from cmmd.data.pictures.outlines import box, capsule, ellipse, point, wedge
from cmmd.data.world.hits.materials import CLOTH, METAL, PLASTIC, WOOD, Material, draw_look
from cmmd.data.world.hits.sprites import Patch, Sprite, bake


@dataclass(frozen=True, kw_only=True, slots=True)
class Tool:
    """tip: contact point, (2,) in units. hardness: in [0, 1]."""

    sprite: Sprite
    tip: np.ndarray
    hardness: float


def draw_tool(
    rng: np.random.Generator, kind: str, *, length: float, thick: float, density: float, light: float
) -> Tool:
    """Draws a tool. length: from grip to tip; thick: radius of its shaft (both in units). density: pixels per unit.
    light: direction that it comes from (radians)."""
    make = {"stick": _stick, "mallet": _mallet, "hammer": _hammer, "blade": _blade, "thing": _thing, "pan": _pan}[kind]
    patches, tip, hardness = make(rng, length, thick)
    return Tool(sprite=bake(patches, density=density, light=light), tip=np.array(tip), hardness=hardness)


Made = tuple[list[Patch], tuple[float, float], float]


def _shaft(rng: np.random.Generator, length: float, thick: float, material: Material) -> Patch:
    """A shaft that extends behind the hand by up to 30% of `length`."""
    behind = length * rng.uniform(0.02, 0.3)
    outline = capsule(length + behind, thick * rng.uniform(1.0, 1.4), thick) - (behind, 0.0)
    return Patch(outline, draw_look(rng, material))


def _stick(rng: np.random.Generator, length: float, thick: float) -> Made:
    """A drumstick, a rod, a ruler."""
    material = (WOOD, WOOD, WOOD, METAL, PLASTIC)[rng.integers(5)]
    patches = [_shaft(rng, length, thick, material)]
    if rng.random() < 0.4:
        bead = ellipse(thick * 1.6, thick * 1.2) + point(length, 0.0)
        patches.append(Patch(bead, patches[0].look))
    return patches, (length, 0.0), rng.uniform(0.6, 0.95)


def _mallet(rng: np.random.Generator, length: float, thick: float) -> Made:
    """A shaft with a round, mostly soft head."""
    radius = thick * rng.uniform(2.0, 4.0)
    head = Patch(ellipse(radius, radius * rng.uniform(0.8, 1.0)) + point(length, 0.0), draw_look(rng, CLOTH))
    return [_shaft(rng, length, thick, WOOD), head], (length, 0.8 * radius), rng.uniform(0.2, 0.7)


def _hammer(rng: np.random.Generator, length: float, thick: float) -> Made:
    """A head across the shaft: a hammer, a pick, an axe."""
    heavy = thick * rng.uniform(1.4, 2.6)
    face = heavy * rng.uniform(1.2, 2.2)
    look = draw_look(rng, METAL)
    if rng.random() < 0.7:
        head = box(heavy * 0.7, face, rounding=0.2 * heavy)
    else:
        head = np.array(
            [[-0.5 * heavy, -0.6 * face], [0.5 * heavy, -0.6 * face], [1.1 * heavy, face], [-1.1 * heavy, face]]
        )
    material = (WOOD, WOOD, PLASTIC)[rng.integers(3)]
    return (
        [_shaft(rng, length, thick, material), Patch(head + point(length, 0.0), look)],
        (length, face),
        rng.uniform(0.85, 1.0),
    )


def _blade(rng: np.random.Generator, length: float, thick: float) -> Made:
    """A knife or a cleaver, which touches with its edge."""
    half, wide = 0.36 * length, thick * rng.uniform(1.2, 3.5)
    blade = np.array(
        [[-half, -0.5 * wide], [0.8 * half, -0.5 * wide], [half, 0.2 * wide], [half * 0.9, wide], [-half, wide]]
    )
    handle = Patch(
        box(0.2 * length, 0.7 * thick, rounding=0.4 * thick) + point(0.08 * length, 0.0), draw_look(rng, WOOD)
    )
    steel = replace(draw_look(rng, METAL), gloss=0.4)
    return [Patch(blade + point(0.62 * length, 0.0), steel), handle], (0.62 * length, wide), rng.uniform(0.6, 0.95)


def _thing(rng: np.random.Generator, length: float, thick: float) -> Made:
    """A cup, a phone, a block that is put down hard."""
    material = (WOOD, PLASTIC, METAL)[rng.integers(3)]
    a, b = 0.5 * length, thick * rng.uniform(1.5, 3.5)
    outline = (
        box(a, b, rounding=rng.uniform(0, 0.6) * b) if rng.random() < 0.7 else wedge(a, b, taper=rng.uniform(0.5, 1))
    )
    return (
        [Patch(outline + point(0.5 * length, 0.3 * b), draw_look(rng, material))],
        (0.5 * length, 1.3 * b),
        rng.uniform(0.4, 0.9),
    )


def _pan(rng: np.random.Generator, length: float, thick: float) -> Made:
    """A racket, a paddle, a pan, a shovel."""
    radius = length * rng.uniform(0.2, 0.35)
    disc = ellipse(radius, radius * rng.uniform(0.35, 0.9)) + point(length - radius, 0.0)
    material = (WOOD, METAL, PLASTIC)[rng.integers(3)]
    shaft = Patch(capsule(length - radius, thick, thick), draw_look(rng, WOOD))
    return [shaft, Patch(disc, draw_look(rng, material))], (length - 0.5 * radius, 0.5 * radius), rng.uniform(0.5, 0.9)
