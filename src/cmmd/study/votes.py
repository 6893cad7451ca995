"""Answers as matrices: one row per rater, one column per item, nan where there is no answer (ours)."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Float64

from cmmd.study.answers import RaterAnswers
from cmmd.study.key import Key
from cmmd.study.questions import SECOND

Matrix = Float64[np.ndarray, "raters items"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Votes:
    """All answers except those to attention checks.

    preferences: (question, first, second) -> 1 if the first system was preferred, 0 if the second, 0.5 if neither.
    ratings: (question, system) -> 1 to 5. Systems are in the order of the key.
    """

    raters: tuple[str, ...]
    items: tuple[str, ...]
    preferences: dict[tuple[str, str, str], Matrix]
    ratings: dict[tuple[str, str], Matrix]


def tabulate(answers: Sequence[RaterAnswers], key: Key) -> Votes:
    """Put the answers into matrices; matrices without any answer are omitted."""
    shape = len(answers), len(key.items)
    column = {item: number for number, item in enumerate(key.items)}
    preferences = {
        (question, first, second): np.full(shape, np.nan)
        for question in key.questions
        for first, second in combinations(key.systems, 2)
    }
    ratings = {(q, system): np.full(shape, np.nan) for q in key.questions for system in key.systems}
    for row, rater in enumerate(answers):
        for name, answer in rater.answers.items():
            trial = key.trials[name]
            if trial.asks_for is not None:
                continue
            for question, value in answer.values.items():
                if trial.kind == "rating":
                    ratings[question, trial.systems[0]][row, column[trial.item]] = value
                    continue
                # 1 is the left clip. Convert it to a vote for the first system of the trial, then of the key.
                share = (SECOND - value) / 2 if answer.shown == trial.media else 1 - (SECOND - value) / 2
                first, second = trial.systems
                if (question, first, second) not in preferences:
                    first, second, share = second, first, 1 - share
                preferences[question, first, second][row, column[trial.item]] = share
    return Votes(
        raters=tuple(rater.rater for rater in answers),
        items=key.items,
        preferences={name: votes for name, votes in preferences.items() if not np.isnan(votes).all()},
        ratings={name: votes for name, votes in ratings.items() if not np.isnan(votes).all()},
    )
