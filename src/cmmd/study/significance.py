"""Whether one system is preferred to another: a p value over raters and items (ours).

The largest of three p values. The bootstrap over raters and items is the test that the interval belongs to, but it is
too sure with a handful of raters or items, where all may agree by chance. Flipping the signs of whole raters, and of
whole items (Fisher's randomisation test), cannot be: n of them never give less than 2^(1 - n). Neither of these alone
knows of the other's spread.
"""

import numpy as np
from jaxtyping import Float64

from cmmd.study.resampling import Draws1D

EXACT_UP_TO = 12
"""Raters or items of which all sign patterns are counted; of more, `FLIPS` are drawn."""
FLIPS = 10_000


def preference_p(votes: Float64[np.ndarray, "raters items"], shares: Draws1D, *, seed: int = 0) -> float:
    """Two-sided, of "neither is preferred". votes: 1, 0.5 or 0, or nan; shares: their mean in every bootstrap draw."""
    lead = np.nan_to_num(votes - 0.5)
    seen = ~np.isnan(votes)
    by_rater, by_item = lead.sum(1)[seen.any(1)], lead.sum(0)[seen.any(0)]
    return max(bootstrap_p(shares), sign_flip_p(by_rater, seed=seed), sign_flip_p(by_item, seed=seed))


def bootstrap_p(shares: Draws1D) -> float:
    """Twice the share of draws on the far side of 0.5; the values themselves count as one more draw."""
    shares = shares[~np.isnan(shares)]
    tail = min((shares <= 0.5).sum(), (shares >= 0.5).sum())
    return min(1.0, 2 * (1 + float(tail)) / (1 + len(shares)))


def sign_flip_p(leads: Float64[np.ndarray, " n"], *, seed: int = 0) -> float:
    """How often random signs give a sum as far from zero as the one found."""
    count, found = len(leads), abs(leads.sum())
    if count <= EXACT_UP_TO:
        signs = 1 - 2 * ((np.arange(2**count)[:, None] >> np.arange(count)) & 1)
        return float((abs(signs @ leads) >= found - 1e-9).mean())
    signs = 1 - 2 * np.random.default_rng(seed).integers(2, size=(FLIPS, count))
    return (1 + float((abs(signs @ leads) >= found - 1e-9).sum())) / (1 + FLIPS)
