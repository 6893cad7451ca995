"""Outlines of shapes as polygons around the origin (ours)."""

import numpy as np


def ellipse(a: float, b: float, *, corners: int = 24) -> np.ndarray:
    """An ellipse with half axes a and b, (corners, 2)."""
    angle = np.arange(corners) * (2 * np.pi / corners)
    return np.stack([a * np.cos(angle), b * np.sin(angle)], axis=1)


def box(a: float, b: float, *, rounding: float = 0.0) -> np.ndarray:
    """A rectangle of half sides a and b; its corners are arcs of radius `rounding`."""
    r = min(rounding, a, b)
    if r <= 0:
        return np.array([[-a, -b], [a, -b], [a, b], [-a, b]], float)
    arc = np.linspace(0, np.pi / 2, 4)
    corner = r * np.stack([np.cos(arc), np.sin(arc)], axis=1)
    turns = [np.array([[c, s], [-s, c]]) for c, s in ((1, 0), (0, 1), (-1, 0), (0, -1))]
    centres = ((a - r, b - r), (r - a, b - r), (r - a, r - b), (a - r, r - b))
    return np.concatenate([corner @ turn + centre for turn, centre in zip(turns, centres, strict=True)])


def wedge(a: float, b: float, *, taper: float) -> np.ndarray:
    """A trapezium along x: half height b at -a, b * taper at a."""
    return np.array([[-a, -b], [a, -b * taper], [a, b * taper], [-a, b]], float)


def capsule(length: float, start: float, end: float) -> np.ndarray:
    """A limb from (0, 0) to (length, 0) with round ends of radius `start` and `end`."""
    arc = np.linspace(-np.pi / 2, np.pi / 2, 7)
    round_end = np.stack([np.cos(arc), np.sin(arc)], axis=1)
    return np.concatenate([round_end * end + (length, 0), -round_end * start])


def blob(rng: np.random.Generator, a: float, b: float, *, roughness: float, corners: int = 20) -> np.ndarray:
    """An ellipse whose radius varies by about `roughness` (relative), (corners, 2)."""
    angle = np.arange(corners) * (2 * np.pi / corners)
    wander = sum(rng.normal(0, 1) / order * np.sin(order * angle + rng.uniform(0, 2 * np.pi)) for order in range(2, 6))
    return ellipse(a, b, corners=corners) * (1 + roughness * np.clip(wander, -1.5, 1.5))[:, None]


def turned(points: np.ndarray, angle: float) -> np.ndarray:
    """Rotates points (n, 2) about the origin by `angle` (radians), x towards y."""
    c, s = np.cos(angle), np.sin(angle)
    return points @ np.array([[c, s], [-s, c]])


def point(x: float, y: float) -> np.ndarray:
    """A vector (2,), to translate outlines."""
    return np.array([x, y], float)
