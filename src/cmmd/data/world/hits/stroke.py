"""Strokes: a striker accelerates towards the contact, stops abruptly, and returns more slowly (ours)."""

from dataclasses import dataclass

import numpy as np

from cmmd.data.world.hits.rhythm import FAR, Phase, phase

FULL = 0.4
"""Gap between contacts (s) from which every stroke has its full height."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stroke:
    """height: (n,), 0 at contact, about 1 at rest. phase: at every time. strengths: of the contacts, (k,) in (0, 1]; a
    blow from a greater height is stronger."""

    height: np.ndarray
    phase: Phase
    strengths: np.ndarray


@dataclass(frozen=True, kw_only=True, slots=True)
class _Course:
    """The movement in each interval between contacts, arrays (k + 1,). back, top: heights after the last contact and
    before the next. rest: time on the struck surface (s). up_time, down_time: durations of the way up and the way down
    (s). back_power, top_power: exponents of their curves."""

    back: np.ndarray
    top: np.ndarray
    rest: np.ndarray
    up_time: np.ndarray
    down_time: np.ndarray
    back_power: float
    top_power: float


def draw_stroke(rng: np.random.Generator, contacts: np.ndarray, t: np.ndarray) -> Stroke:
    """Draws the movement of one striker at times t (n,). contacts: its own contacts, (k,); all in seconds."""
    course, at = _draw_course(rng, contacts), phase(contacts, t)
    number = at.interval
    top, back, rest = course.top[number], course.back[number], course.rest[number]
    down_time, up_time = course.down_time[number], course.up_time[number]
    down = top * (1 - np.clip(1 - at.until / down_time, 0, 1) ** course.top_power)
    up = back * (1 - np.clip(1 - (at.since - rest) / up_time, 0, 1) ** course.back_power)
    between = np.clip((at.since - rest - up_time) / np.maximum(at.gap - rest - up_time - down_time, 1e-3), 0, 1)
    lifted = back + (top - back) * smooth(between ** rng.uniform(1, 4))
    height = np.where(at.until < down_time, down, np.where(at.since < rest + up_time, up, lifted))
    height = np.where(at.since < rest, 0.0, height)
    strengths = np.clip((0.25 + 0.6 * course.top[:-1]) * np.exp(rng.normal(0, 0.12, len(contacts))), 0.25, 1.0)
    return Stroke(height=height, phase=at, strengths=strengths)


def _draw_course(rng: np.random.Generator, contacts: np.ndarray) -> _Course:
    """Short gaps have low strokes; in long gaps the striker may withdraw. No rebound is faster than the preceding
    blow."""
    gaps = np.concatenate([[FAR], np.diff(contacts), [FAR]])
    top = rng.uniform(0.6, 1.2, len(gaps)) * np.minimum(1.0, gaps / rng.uniform(0.2, FULL))
    if rng.random() < 0.3:
        top = np.where(gaps > rng.uniform(0.6, 1.2), top * rng.uniform(1.5, 3.0), top)
    back = top * np.where(gaps < rng.uniform(0.25, 0.6), 1.0, rng.uniform(0.15, 1.0))
    down_time = np.minimum(np.exp(rng.uniform(np.log(0.06), np.log(0.28))), 0.5 * gaps)
    up_time = np.minimum(np.exp(rng.uniform(np.log(0.07), np.log(0.35))), 0.5 * gaps)
    rest = np.minimum(rng.uniform(0.02, 0.3) if rng.random() < 0.25 else 0.0, 0.35 * gaps)
    back_power, top_power = rng.uniform(1.4, 2.6, 2)
    arriving = (top * top_power / down_time)[:-1]
    fastest = np.concatenate([[np.inf], rng.uniform(0.5, 1.0) * arriving])
    return _Course(
        back=np.minimum(back, fastest * up_time / back_power),
        top=top,
        rest=rest,
        up_time=up_time,
        down_time=down_time,
        back_power=float(back_power),
        top_power=float(top_power),
    )


def smooth(x: np.ndarray) -> np.ndarray:
    """Smooth step from 0 to 1 with zero slope at both ends."""
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)
