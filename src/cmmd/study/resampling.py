"""Means over raters and items, with intervals that hold for other raters and other items (bootstrap, both drawn again).

Votes of one rater resemble each other, and so do votes on one item; drawing single votes again takes them for
independent and gives intervals that are too narrow. So raters and items are drawn with replacement, independently, and
every vote counts as often as its rater times its item (Owen 2007, the pigeonhole bootstrap; McCullagh 2000).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from cmmd.measures.intervals import LEVEL, NOTHING, Interval

Draws1D = Float64[np.ndarray, " draws"]


@dataclass(frozen=True, slots=True)
class Draws:
    """How often each rater and each item was drawn, a row a draw."""

    raters: Float64[np.ndarray, "draws raters"]
    items: Float64[np.ndarray, "draws items"]


@dataclass(frozen=True, slots=True)
class Drawn:
    """Sums of votes and their counts in every draw."""

    sums: Draws1D
    counts: Draws1D

    @property
    def means(self) -> Draws1D:
        """nan where a draw holds no vote."""
        return np.divide(self.sums, self.counts, out=np.full_like(self.sums, np.nan), where=self.counts > 0)


def draw(raters: int, items: int, *, resamples: int, seed: int) -> Draws:
    """Draw raters and items with replacement."""
    rng = np.random.default_rng(seed)
    counts = (rng.multinomial(count, np.full(count, 1 / count), size=resamples) for count in (raters, items))
    return Draws(*(np.asarray(count, dtype=float) for count in counts))


def resample(votes: Float64[np.ndarray, "raters items"], draws: Draws) -> Drawn:
    """Sums and counts of the votes, nan where there is none, in every draw."""
    known = ~np.isnan(votes)
    sums, counts = (
        ((draws.raters @ matrix) * draws.items).sum(1) for matrix in (np.where(known, votes, 0), known.astype(float))
    )
    return Drawn(sums, counts)


def mean_interval(votes: Float64[np.ndarray, "raters items"], draws: Draws) -> Interval:
    """The mean of all votes with its 95 % bounds; nan bounds with fewer than two raters or two items."""
    known = ~np.isnan(votes)
    if not known.any():
        return NOTHING
    return bounds(float(votes[known].mean()), resample(votes, draws).means, enough=_enough(known))


def bounds(value: float, draws: Draws1D, *, enough: bool = True) -> Interval:
    """The middle 95 % of the draws around a value."""
    draws = draws[~np.isnan(draws)]
    if not enough or not len(draws):
        return Interval(value, float("nan"), float("nan"))
    low, high = np.quantile(draws, LEVEL)
    return Interval(value, float(low), float(high))


def _enough(known: np.ndarray) -> bool:
    """One rater, or one item, says nothing about others."""
    return bool(known.any(1).sum() > 1 and known.any(0).sum() > 1)
