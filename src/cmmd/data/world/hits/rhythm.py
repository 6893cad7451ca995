"""Contact times: steady, loose and bursting rhythms, and the phase between two contacts (ours: decision 12)."""

from typing import NamedTuple

import numpy as np

LEAST = 0.12
"""Minimum time between two contacts of a scene (s). Closer ones are heard as one."""
FAR = 3.0
"""Distance (s) from the first and last contact to the contacts that are assumed before and after them."""


def draw_contacts(
    rng: np.random.Generator, start: float, stop: float, *, shortest: float, longest: float
) -> np.ndarray:
    """At least one contact time (s) in [start, stop), ascending, with gaps of at least LEAST. Typical gaps are
    `shortest` to `longest` seconds."""
    count = int((stop - start) / LEAST) + 4
    typical = float(np.exp(rng.uniform(np.log(shortest), np.log(longest))))
    kind = rng.random()
    if kind < 0.5:
        gaps = _steady(rng, typical, count)
    elif kind < 0.85:
        gaps = 0.6 * typical + rng.exponential(0.6 * typical, count)
    else:
        gaps = np.full(count, min(typical, 0.3))
        gaps[int(rng.integers(1, 6)) :: int(rng.integers(2, 8))] += rng.uniform(0.3, 1.4)
    times = start + rng.uniform(0, typical) + np.cumsum(np.maximum(gaps, LEAST))
    if kind < 0.5:
        times = times[rng.random(count) > rng.uniform(0, 0.3)]
    times = times[times < stop]
    return with_least_gap(times) if len(times) else np.array([0.5 * (start + stop)])


def _steady(rng: np.random.Generator, period: float, count: int) -> np.ndarray:
    """Gaps of one period (s), in some rhythms with halves and doubles, with the timing jitter of a human hand."""
    factors = rng.choice([1.0, 1.0, 0.5, 2.0], count) if rng.random() < 0.4 else np.ones(count)
    return period * factors * (1 + rng.uniform(0, 0.06) * rng.standard_normal(count))


def with_least_gap(times: np.ndarray) -> np.ndarray:
    """Sorts times and drops those that follow a retained one within LEAST."""
    chosen: list[float] = []
    for time in np.sort(times).tolist():
        if not chosen or time - chosen[-1] >= LEAST:
            chosen.append(time)
    return np.array(chosen)


def clear_of(rng: np.random.Generator, times: np.ndarray, edges: tuple[float, ...], *, margin: float) -> np.ndarray:
    """Shifts all times by one offset so that none is within `margin` of an edge (s). If none of 50 draws qualifies, the
    last one is used."""
    moved = times
    for _ in range(50):
        if all(np.abs(moved - edge).min(initial=np.inf) > margin for edge in edges):
            break
        moved = times + rng.uniform(-0.3, 0.3)
    return moved


class Phase(NamedTuple):
    """interval: number of contacts so far, (n,). since, until: seconds since the last and until the next contact,
    (n,)."""

    interval: np.ndarray
    since: np.ndarray
    until: np.ndarray

    @property
    def gap(self) -> np.ndarray:
        return self.since + self.until

    @property
    def fraction(self) -> np.ndarray:
        """Fraction of the interval that has elapsed."""
        return self.since / self.gap


def phase(contacts: np.ndarray, t: np.ndarray) -> Phase:
    """Phase of every time in t among the contacts (all in seconds)."""
    interval = np.searchsorted(contacts, t, side="right")
    first, last = (contacts[0], contacts[-1]) if len(contacts) else (t[0], t[-1])
    padded = np.concatenate([[min(first, t[0]) - FAR], contacts, [max(last, t[-1]) + FAR]])
    return Phase(interval, t - padded[interval], padded[interval + 1] - t)
