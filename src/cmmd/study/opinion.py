"""Mean opinion scores: five-point ratings of single clips (paper: the user study; scale of ITU-T P.800)."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from cmmd.measures.intervals import Interval
from cmmd.study.resampling import Draws, mean_interval


@dataclass(frozen=True, kw_only=True, slots=True)
class Opinion:
    """Ratings of one system for one question. score: their mean. counts: number of ratings of 1, 2, 3, 4 and 5."""

    question: str
    system: str
    score: Interval
    counts: tuple[int, ...]


def opinions(votes: Mapping[tuple[str, str], Float64[np.ndarray, "raters items"]], draws: Draws) -> list[Opinion]:
    """Returns one Opinion per entry of `votes`: (question, system) -> 1 to 5, nan where there is no rating."""
    return [
        Opinion(
            question=question,
            system=system,
            score=mean_interval(ratings, draws),
            counts=tuple(int((ratings == value).sum()) for value in range(1, 6)),
        )
        for (question, system), ratings in votes.items()
    ]
