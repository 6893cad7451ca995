"""Eight materials: how each looks and how it sounds when it is struck (ours: decision 12).

The ratios of bars, plates, membranes and shells are from Fletcher and Rossing, The Physics of Musical Instruments.
"""

from dataclasses import dataclass

import numpy as np

from cmmd.data.pictures.palette import from_hsv, natural_hue, skin_colour
from cmmd.data.pictures.textures import draw_number
from cmmd.data.world.hits.sprites import Look


@dataclass(frozen=True, kw_only=True, slots=True)
class Timbre:
    """How a material sounds. ratios: of the partials to the lowest; empty for a material without pitch. decay: seconds
    for 60 dB of the lowest partial, shortest and longest. pitch: factor on the pitch that the size gives. noise: level
    of the contact noise; noise_decay: its seconds for 60 dB, shortest and longest; band: its range (Hz). grains: it
    crackles. bubbles: it splashes."""

    ratios: tuple[float, ...] = ()
    decay: tuple[float, float] = (0.1, 0.2)
    pitch: float = 1.0
    noise: float = 0.3
    noise_decay: tuple[float, float] = (0.05, 0.25)
    band: tuple[float, float] = (300.0, 5000.0)
    grains: bool = False
    bubbles: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Surface:
    """How a material looks. hues, saturation, value: of its colours, lowest and highest; None allows any hue. textures:
    kinds of texture; depth: their strength. gloss, clear: see Look."""

    hues: tuple[float, float] | None = None
    saturation: tuple[float, float] = (0.0, 0.6)
    value: tuple[float, float] = (0.2, 0.9)
    textures: tuple[str, ...] = ("cloud",)
    depth: float = 0.04
    gloss: float = 0.4
    clear: float = 0.0


@dataclass(frozen=True, slots=True)
class Material:
    """A material of things and grounds."""

    name: str
    timbre: Timbre
    surface: Surface


WOOD = Material(
    "wood",
    Timbre(ratios=(1.0, 2.76, 5.40, 8.93), decay=(0.07, 0.3), pitch=0.8, noise=0.7, band=(600.0, 9000.0)),
    Surface(
        hues=(0.05, 0.11),
        saturation=(0.4, 0.95),
        value=(0.25, 0.9),
        textures=("grain", "grain", "stripes"),
        depth=0.06,
        gloss=0.25,
    ),
)
METAL = Material(
    "metal",
    Timbre(
        ratios=(1.0, 1.73, 2.33, 3.01, 3.91, 5.30, 6.80),
        decay=(0.2, 1.6),
        pitch=1.3,
        noise=0.45,
        band=(2000.0, 16000.0),
    ),
    Surface(
        hues=(0.08, 0.62),
        saturation=(0.0, 0.18),
        value=(0.25, 0.95),
        textures=("grain", "cloud"),
        depth=0.03,
        gloss=0.9,
    ),
)
PLASTIC = Material(
    "plastic",
    Timbre(ratios=(1.0, 1.91, 3.37, 4.6), decay=(0.06, 0.16), noise=1.0, band=(900.0, 10000.0)),
    Surface(saturation=(0.05, 0.95), value=(0.15, 0.95), depth=0.015, gloss=0.6),
)
GLASS = Material(
    "glass",
    Timbre(ratios=(1.0, 2.32, 4.25, 6.63), decay=(0.12, 0.7), pitch=1.6, noise=0.5, band=(2500.0, 16000.0)),
    Surface(hues=(0.3, 0.6), saturation=(0.0, 0.3), value=(0.5, 1.0), depth=0.02, gloss=1.1, clear=0.45),
)
CLOTH = Material(
    "cloth",
    Timbre(noise=1.0, noise_decay=(0.06, 0.25), band=(80.0, 2500.0)),
    Surface(
        saturation=(0.05, 0.6), value=(0.1, 0.85), textures=("cloud", "stripes", "patches"), depth=0.06, gloss=0.35
    ),
)
SKIN = Material(
    "skin",
    Timbre(
        ratios=(1.0, 1.59, 2.14, 2.30, 2.65, 2.92),
        decay=(0.1, 0.5),
        pitch=0.6,
        noise=0.7,
        noise_decay=(0.03, 0.15),
        band=(500.0, 8000.0),
    ),
    Surface(hues=(0.05, 0.13), saturation=(0.02, 0.3), value=(0.5, 0.95), depth=0.03, gloss=0.15),
)
EARTH = Material(
    "earth",
    Timbre(noise=1.0, noise_decay=(0.08, 0.25), band=(700.0, 9000.0), grains=True),
    Surface(
        hues=(0.06, 0.2),
        saturation=(0.05, 0.5),
        value=(0.15, 0.75),
        textures=("speckle", "cells", "patches"),
        depth=0.09,
        gloss=0.2,
    ),
)
WATER = Material(
    "water",
    Timbre(noise=0.8, noise_decay=(0.12, 0.35), band=(700.0, 8000.0), bubbles=True),
    Surface(
        hues=(0.45, 0.62),
        saturation=(0.05, 0.5),
        value=(0.25, 0.85),
        textures=("cloud", "grain"),
        depth=0.08,
        gloss=0.7,
        clear=0.2,
    ),
)
MATERIALS = (WOOD, METAL, PLASTIC, GLASS, CLOTH, SKIN, EARTH, WATER)


def draw_look(rng: np.random.Generator, material: Material) -> Look:
    """Draws a colour and a texture of the material."""
    surface = material.surface
    hue = natural_hue(rng) if surface.hues is None else rng.uniform(*surface.hues)
    saturation = rng.uniform(*surface.saturation) * (1.0 if rng.random() < 0.2 else 0.6)
    hsv = np.array([hue, saturation, rng.uniform(*surface.value)])
    return Look(
        colour=from_hsv(*hsv[:, None])[0],
        texture=draw_number(rng, *surface.textures),
        depth=surface.depth * rng.uniform(0.6, 2.6),
        grain=float(np.exp(rng.uniform(np.log(0.8), np.log(4.0)))),
        gloss=surface.gloss * rng.uniform(0.4, 1.2),
        clear=surface.clear * rng.uniform(0.6, 1.3),
    )


def flesh(rng: np.random.Generator, colour: np.ndarray | None = None) -> Look:
    """Draws the look of a person's hand or face. colour: drawn if None."""
    colour = skin_colour(rng) if colour is None else colour
    return Look(colour=colour, texture=draw_number(rng, "cloud"), depth=0.03, gloss=0.25)
