"""Strengths of systems from pairwise votes: Bradley and Terry (1952), fitted by MM steps (Hunter 2004).

P(i beats j) = 1 / (1 + exp(s_j - s_i)). No preference counts as half a win for each system. If a system, or a group of
systems, never loses, the likelihood has no maximum. Every compared pair therefore gets an extra half win on each side
in all fits, whether needed or not. This equals one vote of no preference per pair and makes every strength finite.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from scipy.sparse.csgraph import connected_components

from cmmd.measures.intervals import Interval
from cmmd.study.resampling import Draws, bounds, resample

EXTRA_WINS = 0.5
TOLERANCE, MOST_STEPS = 1e-7, 20_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Strength:
    """Log strength of a system for one question. The strengths of a question have mean 0.

    separated: without the extra half wins the question would have no finite fit.
    """

    question: str
    system: str
    strength: Interval
    separated: bool


def bradley_terry(
    votes: Mapping[tuple[str, str], Float64[np.ndarray, "raters items"]],
    systems: Sequence[str],
    draws: Draws,
    *,
    question: str = "",
) -> list[Strength]:
    """Returns the strength of every system with its bootstrap interval over raters and items.

    votes: (first, second) -> 1 if the first system was preferred, 0 if the second, 0.5 if neither; nan without a vote.
    Returns an empty list if the compared pairs do not connect all systems.
    """
    numbers = {system: number for number, system in enumerate(systems)}
    wins = np.zeros((len(draws.raters) + 1, len(systems), len(systems)))  # all votes, then every draw
    for (first, second), shares in votes.items():
        i, j = numbers[first], numbers[second]
        drawn = resample(shares, draws)
        known = shares[~np.isnan(shares)]
        wins[:, i, j] = np.concatenate([[known.sum()], drawn.sums])
        wins[:, j, i] = np.concatenate([[(1 - known).sum()], drawn.counts - drawn.sums])
    compared = (wins[0] + wins[0].T) > 0
    if connected_components(compared, return_labels=False) > 1:
        return []
    fits = strengths(wins + EXTRA_WINS * compared)
    separated = connected_components(wins[0] > 0, connection="strong", return_labels=False) > 1
    enough = draws.raters.shape[1] > 1 and draws.items.shape[1] > 1
    return [
        Strength(
            question=question,
            system=system,
            strength=bounds(float(fits[0, number]), fits[1:, number], enough=enough),
            separated=bool(separated),
        )
        for system, number in numbers.items()
    ]


def strengths(wins: Float64[np.ndarray, "fits systems systems"]) -> Float64[np.ndarray, "fits systems"]:
    """Maximum-likelihood log strengths, mean 0. wins[:, i, j]: wins of i against j; a finite fit must exist."""
    games = wins + wins.transpose(0, 2, 1)
    won = wins.sum(2)
    logs = np.zeros(won.shape)
    for _ in range(MOST_STEPS):
        power = np.exp(logs)
        faced = (games / (power[:, :, None] + power[:, None, :])).sum(2)
        step = np.log(won / faced)
        step -= step.mean(1, keepdims=True)
        moved = float(abs(step - logs).max())
        logs = step
        if moved < TOLERANCE:
            break
    return logs
