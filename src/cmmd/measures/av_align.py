"""AV-Align: the share of sound and motion events that coincide (Yariv et al., TempoTokens, arXiv 2309.16429).

Four definitions are in use under this name. For three sounds at one motion they differ by a factor of nine. Only
`one_to_one` is bounded by 1 and cannot be raised by repeating an event; the documented results use it. No definition
resolves time differences below one frame (100 ms at 10 fps).
"""

from collections.abc import Callable
from typing import Literal, get_args

import numpy as np

from cmmd.measures.alignment import Times, match_events

Variant = Literal["one_to_one", "published", "published_inclusive", "mean_share"]
VARIANTS: tuple[Variant, ...] = get_args(Variant)


def av_align(sound: Times, motion: Times, *, fps: float | int, variant: Variant = "one_to_one") -> float:
    """Returns AV-Align of the event times (s) of one clip. Two events coincide within one frame, 1 / fps. 0 when one
    side has no events, nan when both have none."""
    a, v = np.asarray(sound, dtype=float), np.asarray(motion, dtype=float)
    if len(a) + len(v) == 0:
        return float("nan")
    return _DEFINITIONS[variant](a, v, 1 / fps)


def one_to_one(sound: np.ndarray, motion: np.ndarray, frame: float) -> float:
    """Intersection over union with events paired one to one: pairs / (a + v - pairs)."""
    pairs = len(match_events(sound, motion, tolerance=frame).pairs)
    return pairs / (len(sound) + len(motion) - pairs)


def published(sound: np.ndarray, motion: np.ndarray, frame: float) -> float:
    """The definition in TempoTokens' code: n / (a + v - n) for n sounds that have a motion less than a frame away.

    Several sounds may share one motion, so the value is not bounded: three sounds at one motion give 3.
    """
    met = int(_near(sound, motion, frame, strict=True).sum())
    union = len(sound) + len(motion) - met
    return met / union if union else float("nan")


def published_inclusive(sound: np.ndarray, motion: np.ndarray, frame: float) -> float:
    """The definition in reimplementations: a motion exactly one frame away counts too. For events at whole frames the
    tolerance is then one frame larger."""
    met = int(_near(sound, motion, frame, strict=False).sum())
    union = len(sound) + len(motion) - met
    return met / union if union else float("nan")


def mean_share(sound: np.ndarray, motion: np.ndarray, frame: float) -> float:
    """Share of all events of both sides that have an event of the other side within a frame."""
    met = _near(sound, motion, frame, strict=False).sum() + _near(motion, sound, frame, strict=False).sum()
    return float(met) / (len(sound) + len(motion))


_DEFINITIONS: dict[Variant, Callable[[np.ndarray, np.ndarray, float], float]] = {
    "one_to_one": one_to_one,
    "published": published,
    "published_inclusive": published_inclusive,
    "mean_share": mean_share,
}


def _near(these: np.ndarray, those: np.ndarray, frame: float, *, strict: bool) -> np.ndarray:
    """Returns for each of `these` whether one of `those` is within a frame; strict: less than a frame away."""
    if len(those) == 0:
        return np.zeros(len(these), dtype=bool)
    distance = np.abs(these[:, None] - those[None]).min(1)
    return distance < frame - 1e-9 if strict else distance <= frame + 1e-9
