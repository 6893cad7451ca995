"""Rater agreement: Krippendorff's alpha, nominal and ordinal (Krippendorff 2011; Hayes and Krippendorff 2007)."""

from typing import Literal

import numpy as np
from jaxtyping import Float64

Level = Literal["nominal", "ordinal"]


def krippendorff_alpha(values: Float64[np.ndarray, "raters units"], *, level: Level) -> float:
    """Returns Krippendorff's alpha: 1 is perfect agreement, 0 is chance.

    values: one number per rater and unit, nan where the rater did not see the unit. Returns nan if the units that at
    least two raters saw do not have two distinct values.
    """
    known = np.unique(values[~np.isnan(values)])
    counts = np.array([(values == value).sum(0) for value in known], dtype=float).T  # (units, values)
    counts = counts[counts.sum(1) >= 2] if len(known) else np.zeros((0, 0))
    if not counts.size:
        return float("nan")
    pairs = counts[:, :, None] * counts[:, None, :] - counts[:, :, None] * np.eye(len(known))
    coincidences = (pairs / (counts.sum(1) - 1)[:, None, None]).sum(0)
    totals = coincidences.sum(0)
    distance = _distance(totals, level)
    expected = (np.outer(totals, totals) * distance).sum() / (totals.sum() - 1)
    return float(1 - (coincidences * distance).sum() / expected) if expected > 0 else float("nan")


def _distance(totals: np.ndarray, level: Level) -> np.ndarray:
    """Squared distance between any two values.

    Nominal: 1 for two different values. Ordinal: the squared number of ratings between the two values, with half of
    the ratings at each of the two.
    """
    if level == "nominal":
        return 1 - np.eye(len(totals))
    middle = np.cumsum(totals) - totals / 2
    return (middle[:, None] - middle[None, :]) ** 2
