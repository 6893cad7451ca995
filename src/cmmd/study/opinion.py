"""Mean opinion scores: five-point ratings of single clips (paper: the user study; scale of ITU-T P.800)."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from cmmd.measures.intervals import Interval
from cmmd.study.resampling import Draws, mean_interval


@dataclass(frozen=True, kw_only=True, slots=True)
class Opinion:
    """One question about one system: the mean of its ratings, and how many of each of 1 to 5 there were."""

    question: str
    system: str
    score: Interval
    counts: tuple[int, ...]


def opinions(votes: Mapping[tuple[str, str], Float64[np.ndarray, "raters items"]], draws: Draws) -> list[Opinion]:
    """All of them. votes: (question, system) -> 1 to 5, nan where there is none."""
    return [
        Opinion(
            question=question,
            system=system,
            score=mean_interval(ratings, draws),
            counts=tuple(int((ratings == value).sum()) for value in range(1, 6)),
        )
        for (question, system), ratings in votes.items()
    ]
