"""One scale for all systems from who won against whom: Bradley and Terry (1952), fitted by MM steps (Hunter 2004).

P(i beats j) = 1 / (1 + exp(s_j - s_i)). No preference counts as half a win for each. Where one system, or a group of
them, never loses, the likelihood has no maximum; so every pair that was compared gets half a win more on either side,
in all fits and whether needed or not. That is one vote of no preference a pair, and keeps every strength finite.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64

from cmmd.measures.intervals import Interval
from cmmd.study.resampling import Draws, bounds, resample

EXTRA_WINS = 0.5
TOLERANCE, MOST_STEPS = 1e-7, 20_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Strength:
    """A system's log strength for one question; all strengths of a question have the mean 0."""

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
    """Strengths with bootstrap intervals over raters and items. votes: (first, second) -> share of the first.

    separated: without the extra half wins there would be no finite fit. Empty where the comparisons leave the systems
    in parts that were never compared.
    """
    numbers = {system: number for number, system in enumerate(systems)}
    wins = np.zeros((len(draws.raters) + 1, len(systems), len(systems)))  # what was found, then every draw
    for (first, second), shares in votes.items():
        i, j = numbers[first], numbers[second]
        drawn = resample(shares, draws)
        known = shares[~np.isnan(shares)]
        wins[:, i, j] = np.concatenate([[known.sum()], drawn.sums])
        wins[:, j, i] = np.concatenate([[(1 - known).sum()], drawn.counts - drawn.sums])
    compared = (wins[0] + wins[0].T) > 0
    if not reachable(compared).all():
        return []
    fits = strengths(wins + EXTRA_WINS * compared)
    separated = not reachable(wins[0] > 0).all()
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
    """The most likely log strengths, mean 0. wins[:, i, j]: how often i won against j; there must be a finite fit."""
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


def reachable(arrows: Bool[np.ndarray, "n n"]) -> Bool[np.ndarray, "n n"]:
    """Whether there is a way from each to each along the arrows."""
    paths = arrows | np.eye(len(arrows), dtype=bool)
    for _ in range(len(arrows).bit_length()):  # every squaring doubles the length of the ways
        paths = (paths.astype(int) @ paths.astype(int)) > 0
    return paths
