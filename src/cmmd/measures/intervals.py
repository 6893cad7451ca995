"""95 % confidence intervals of measures on a set of clips, by resampling clips (ours).

Clips are resampled with replacement for means and counts (Efron's bootstrap), but not for set distances: a clip drawn
twice adds no spread, so the Frechet distance of a bootstrap sample is that of a smaller set and exceeds the value. For
set distances, random halves are drawn without replacement: the deviations of the halves from their mean have the
spread of the value itself (the delete-half jackknife, Shao and Wu 1989).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

LEVEL = (0.025, 0.975)
NAN = float("nan")


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with 95 % bounds. All are nan without clips; the bounds are nan when there are too few clips."""

    value: float
    low: float
    high: float


NOTHING = Interval(NAN, NAN, NAN)


def bootstrap(count: int, measure: Callable[[np.ndarray], float], *, resamples: int = 1000, seed: int = 0) -> Interval:
    """Returns `measure(indices)` on all `count` clips, with bounds from draws with replacement.

    Draws whose value is nan are excluded from the bounds, which are nan for fewer than two clips.
    """
    if count < 2:
        return Interval(measure(np.arange(1)), NAN, NAN) if count else NOTHING
    drawn = np.random.default_rng(seed).integers(count, size=(resamples, count))
    return _within(measure(np.arange(count)), np.array([measure(row) for row in drawn]))


def bootstrap_mean(values: Sequence[float] | np.ndarray, *, resamples: int = 1000, seed: int = 0) -> Interval:
    """Returns the mean of one value per clip, with bounds from draws with replacement. nan values are excluded."""
    known = np.asarray(values, dtype=float)
    known = known[~np.isnan(known)]
    if len(known) < 2:
        return Interval(float(known[0]), NAN, NAN) if len(known) else NOTHING
    drawn = np.random.default_rng(seed).integers(len(known), size=(resamples, len(known)))
    return _within(float(known.mean()), known[drawn].mean(1))


def half_samples(
    count: int, measure: Callable[[Tensor], float], *, value: float | None = None, draws: int = 100, seed: int = 0
) -> Interval:
    """Returns the interval of a set distance `measure(indices)`, around `value` or its value on all `count` clips.

    The bounds are nan for fewer than 8 clips.
    """
    if count < 8:
        return NOTHING if count < 2 else Interval(measure(torch.arange(count)), NAN, NAN)
    generator = torch.Generator().manual_seed(seed)
    halves = np.array([measure(torch.randperm(count, generator=generator)[: count // 2]) for _ in range(draws)])
    centre = measure(torch.arange(count)) if value is None else value
    low, high = np.quantile(halves - halves.mean(), LEVEL)
    return Interval(centre, centre + float(low), centre + float(high))


def _within(value: float, draws: np.ndarray) -> Interval:
    draws = draws[~np.isnan(draws)]
    if len(draws) == 0:
        return Interval(value, NAN, NAN)
    low, high = np.quantile(draws, LEVEL)
    return Interval(float(value), float(low), float(high))
