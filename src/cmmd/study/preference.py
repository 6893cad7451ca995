"""How often one system is preferred to another (paper: the user study, figure 5)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64

from cmmd.measures.intervals import Interval
from cmmd.study.correction import holm
from cmmd.study.resampling import Draws, mean_interval, resample
from cmmd.study.significance import preference_p


@dataclass(frozen=True, kw_only=True, slots=True)
class Preference:
    """Votes on one pair of systems for one question.

    wins, ties, losses: votes for the first, for neither, for the second. share: mean share of the first; no preference
    counts as half a vote for each. p: see `significance`. p_holm: p corrected over all questions and pairs of a study.
    """

    question: str
    first: str
    second: str
    wins: int
    ties: int
    losses: int
    share: Interval
    p: float
    p_holm: float


def preferences(
    votes: Mapping[tuple[str, str, str], Float64[np.ndarray, "raters items"]], draws: Draws, *, seed: int = 0
) -> list[Preference]:
    """Returns one Preference per entry of `votes`: (question, first, second) -> 1, 0.5 or 0, nan without a vote."""
    found = [
        Preference(
            question=question,
            first=first,
            second=second,
            wins=int((shares == 1).sum()),
            ties=int((shares == 0.5).sum()),
            losses=int((shares == 0).sum()),
            share=mean_interval(shares, draws),
            p=preference_p(shares, resample(shares, draws).means, seed=seed),
            p_holm=1.0,
        )
        for (question, first, second), shares in votes.items()
    ]
    corrected = holm([row.p for row in found])
    return [replace(row, p_holm=p) for row, p in zip(found, corrected, strict=True)]
