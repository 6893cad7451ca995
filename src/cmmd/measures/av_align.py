"""AV-Align: how many moments of sound and of motion fall together (Yariv et al., TempoTokens, arXiv 2309.16429).

Four definitions are in use under that one name, and they disagree by a factor of nine on three sounds at one motion.
Only `one_to_one` is bounded by 1 and cannot be raised by repeating an event; it is what the record calls AV-Align. None
can tell apart what differs by less than a frame, at 10 fps 100 ms.
"""

from collections.abc import Callable
from typing import Literal, get_args

import numpy as np

from cmmd.measures.alignment import Times, match_events

Variant = Literal["one_to_one", "published", "published_inclusive", "mean_share"]
VARIANTS: tuple[Variant, ...] = get_args(Variant)


def av_align(sound: Times, motion: Times, *, fps: float | int, variant: Variant = "one_to_one") -> float:
    """Of event times (s) of one clip; a pair falls together within a frame, 1 / fps. 0 where one side has none, nan
    where both have none."""
    a, v = np.asarray(sound, dtype=float), np.asarray(motion, dtype=float)
    if len(a) + len(v) == 0:
        return float("nan")
    return _DEFINITIONS[variant](a, v, 1 / fps)


def one_to_one(sound: np.ndarray, motion: np.ndarray, frame: float) -> float:
    """Intersection over union, each event of one side met by at most one of the other: pairs / (a + v - pairs)."""
    pairs = len(match_events(sound, motion, tolerance=frame).pairs)
    return pairs / (len(sound) + len(motion) - pairs)


def published(sound: np.ndarray, motion: np.ndarray, frame: float) -> float:
    """As TempoTokens' code has it: sounds that have a motion less than a frame away, over a + v minus their number.

    Several sounds may share one motion, so that it is not bounded: three sounds at one motion give 3.
    """
    met = int(_near(sound, motion, frame, strict=True).sum())
    union = len(sound) + len(motion) - met
    return met / union if union else float("nan")


def published_inclusive(sound: np.ndarray, motion: np.ndarray, frame: float) -> float:
    """As rewritten elsewhere: a motion exactly a frame away counts, which at whole frames is a frame more."""
    met = int(_near(sound, motion, frame, strict=False).sum())
    union = len(sound) + len(motion) - met
    return met / union if union else float("nan")


def mean_share(sound: np.ndarray, motion: np.ndarray, frame: float) -> float:
    """The share of all events, of both sides, that have one of the other side near."""
    met = _near(sound, motion, frame, strict=False).sum() + _near(motion, sound, frame, strict=False).sum()
    return float(met) / (len(sound) + len(motion))


_DEFINITIONS: dict[Variant, Callable[[np.ndarray, np.ndarray, float], float]] = {
    "one_to_one": one_to_one,
    "published": published,
    "published_inclusive": published_inclusive,
    "mean_share": mean_share,
}


def _near(these: np.ndarray, those: np.ndarray, frame: float, *, strict: bool) -> np.ndarray:
    """Of every one of `these`, whether one of `those` is near."""
    if len(those) == 0:
        return np.zeros(len(these), dtype=bool)
    distance = np.abs(these[:, None] - those[None]).min(1)
    return distance < frame - 1e-9 if strict else distance <= frame + 1e-9
