"""Means over raters and items, with intervals that hold for other raters and other items (bootstrap over both).

Votes of one rater are correlated, and so are votes on one item. A bootstrap over single votes assumes that they are
independent and gives intervals that are too narrow. Raters and items are therefore drawn with replacement,
independently of each other. The weight of a vote is the count of its rater times the count of its item (Owen 2007, the
pigeonhole bootstrap; McCullagh 2000).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from cmmd.measures.intervals import LEVEL, NOTHING, Interval

Draws1D = Float64[np.ndarray, " draws"]


@dataclass(frozen=True, slots=True)
class Draws:
    """How often each rater and each item was drawn, one row per draw."""

    raters: Float64[np.ndarray, "draws raters"]
    items: Float64[np.ndarray, "draws items"]


@dataclass(frozen=True, slots=True)
class Drawn:
    """Weighted sums and counts of the votes in every draw."""

    sums: Draws1D
    counts: Draws1D

    @property
    def means(self) -> Draws1D:
        """Mean vote of every draw; nan for a draw without votes."""
        return np.divide(self.sums, self.counts, out=np.full_like(self.sums, np.nan), where=self.counts > 0)


def draw(raters: int, items: int, *, resamples: int, seed: int) -> Draws:
    """Draw raters and items with replacement, `resamples` times."""
    rng = np.random.default_rng(seed)
    counts = (rng.multinomial(count, np.full(count, 1 / count), size=resamples) for count in (raters, items))
    return Draws(*(np.asarray(count, dtype=float) for count in counts))


def resample(votes: Float64[np.ndarray, "raters items"], draws: Draws) -> Drawn:
    """Returns weighted sums and counts of the votes in every draw. votes: nan where there is no vote."""
    known = ~np.isnan(votes)
    sums, counts = (
        ((draws.raters @ matrix) * draws.items).sum(1) for matrix in (np.where(known, votes, 0), known.astype(float))
    )
    return Drawn(sums, counts)


def mean_interval(votes: Float64[np.ndarray, "raters items"], draws: Draws) -> Interval:
    """Returns the mean of all votes with its 95 % bounds.

    The bounds are nan with fewer than two raters or two items. Without votes the mean is nan, too.
    """
    known = ~np.isnan(votes)
    if not known.any():
        return NOTHING
    return bounds(float(votes[known].mean()), resample(votes, draws).means, enough=_enough(known))


def bounds(value: float, draws: Draws1D, *, enough: bool = True) -> Interval:
    """Returns `value` with the middle 95 % of the draws as bounds; nan bounds if not `enough` or without draws."""
    draws = draws[~np.isnan(draws)]
    if not enough or not len(draws):
        return Interval(value, float("nan"), float("nan"))
    low, high = np.quantile(draws, LEVEL)
    return Interval(value, float(low), float(high))


def _enough(known: np.ndarray) -> bool:
    """Whether at least two raters and two items have votes: one alone gives no estimate of the spread."""
    return bool(known.any(1).sum() > 1 and known.any(0).sum() > 1)
