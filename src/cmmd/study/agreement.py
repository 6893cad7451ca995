"""Do raters agree beyond chance: Krippendorff's alpha, nominal and ordinal (Krippendorff 2011; Hayes and K. 2007)."""

from typing import Literal

import numpy as np
from jaxtyping import Float64

Level = Literal["nominal", "ordinal"]


def krippendorff_alpha(values: Float64[np.ndarray, "raters units"], *, level: Level) -> float:
    """1 is perfect agreement, 0 is chance; nan without two different values on units that two raters saw.

    values: numbers, nan where a rater did not see a unit.
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
    """Squared, between any two values: 1 apart, or by how many values lie between them, half of the two counted."""
    if level == "nominal":
        return 1 - np.eye(len(totals))
    middle = np.cumsum(totals) - totals / 2
    return (middle[:, None] - middle[None, :]) ** 2
