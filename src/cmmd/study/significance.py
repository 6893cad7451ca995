"""P value for the preference of one system over another, over raters and items (ours).

The result is the largest of three p values. The bootstrap over raters and items matches the reported interval, but its
p value is too small with a handful of raters or items, who may all agree by chance. Sign flips of whole raters, and of
whole items (Fisher's randomisation test), avoid this: with n of them, p is at least 2^(1 - n). Each of these two tests
ignores the variance that the other one covers.
"""

import numpy as np
from jaxtyping import Float64

from cmmd.study.resampling import Draws1D

EXACT_UP_TO = 12
"""Up to this number of raters or items, all sign patterns are enumerated; above it, `FLIPS` patterns are drawn."""
FLIPS = 10_000


def preference_p(votes: Float64[np.ndarray, "raters items"], shares: Draws1D, *, seed: int = 0) -> float:
    """Returns the two-sided p value of the null hypothesis "neither is preferred".

    votes: 1, 0.5 or 0, nan without a vote. shares: mean vote of every bootstrap draw.
    """
    lead = np.nan_to_num(votes - 0.5)
    seen = ~np.isnan(votes)
    by_rater, by_item = lead.sum(1)[seen.any(1)], lead.sum(0)[seen.any(0)]
    return max(bootstrap_p(shares), sign_flip_p(by_rater, seed=seed), sign_flip_p(by_item, seed=seed))


def bootstrap_p(shares: Draws1D) -> float:
    """Returns twice the share of draws on the far side of 0.5; the observed votes count as one more draw."""
    shares = shares[~np.isnan(shares)]
    tail = min((shares <= 0.5).sum(), (shares >= 0.5).sum())
    return min(1.0, 2 * (1 + float(tail)) / (1 + len(shares)))


def sign_flip_p(leads: Float64[np.ndarray, " n"], *, seed: int = 0) -> float:
    """Returns the share of sign patterns whose sum is at least as far from zero as the observed sum."""
    count, found = len(leads), abs(leads.sum())
    if count <= EXACT_UP_TO:
        signs = 1 - 2 * ((np.arange(2**count)[:, None] >> np.arange(count)) & 1)
        return float((abs(signs @ leads) >= found - 1e-9).mean())
    signs = 1 - 2 * np.random.default_rng(seed).integers(2, size=(FLIPS, count))
    return (1 + float((abs(signs @ leads) >= found - 1e-9).sum())) / (1 + FLIPS)
