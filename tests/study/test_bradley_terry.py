"""Bradley-Terry: the closed form for two, known strengths found again, and no infinite ones."""

import numpy as np
import pytest
from scipy.optimize import minimize

from cmmd.study.bradley_terry import EXTRA_WINS, bradley_terry, strengths
from cmmd.study.resampling import draw


def fit(wins: list[list[float]]) -> np.ndarray:
    return strengths(np.array([wins], dtype=float))[0]


def test_two_systems_are_the_log_of_their_odds():
    assert fit([[0, 60], [40, 0]]) == pytest.approx([np.log(60 / 40) / 2, -np.log(60 / 40) / 2], abs=1e-6)


def test_the_fit_is_the_maximum_of_the_likelihood():
    wins = np.random.default_rng(0).integers(1, 30, (4, 4)).astype(float)
    np.fill_diagonal(wins, 0)

    def loss(logs: np.ndarray) -> float:
        return float((wins * np.log1p(np.exp(logs[None, :] - logs[:, None]))).sum())

    known = minimize(loss, np.zeros(4), options={"gtol": 1e-9}).x
    assert fit(wins.tolist()) == pytest.approx(known - known.mean(), abs=1e-4)


def test_known_strengths_are_found_again():
    truth = np.array([1.2, 0.3, -0.4, -1.1])
    chance = 1 / (1 + np.exp(truth[None, :] - truth[:, None]))
    assert fit((1000 * (chance - 0.5 * np.eye(4))).tolist()) == pytest.approx(truth, abs=1e-5)
    rng = np.random.default_rng(0)
    names = ["a", "b", "c", "d"]
    votes = {
        (names[i], names[j]): (rng.random((20, 20)) < chance[i, j]).astype(float)
        for i in range(4)
        for j in range(i + 1, 4)
    }
    found = bradley_terry(votes, names, draw(20, 20, resamples=200, seed=0))
    for row, strength in zip(found, truth, strict=True):
        assert row.strength.low < strength < row.strength.high and not row.separated
        assert row.strength.value == pytest.approx(strength, abs=0.25)


def test_no_preference_is_half_a_win_for_each():
    draws = draw(4, 4, resamples=100, seed=0)
    votes = np.ones((4, 4))
    votes[:2] = 0
    halves = bradley_terry({("a", "b"): np.full((4, 4), 0.5)}, ["a", "b"], draws)
    split = bradley_terry({("a", "b"): votes}, ["a", "b"], draws)
    assert [row.strength.value for row in halves] == pytest.approx([row.strength.value for row in split]) == [0, 0]


def test_a_system_that_never_loses_has_a_finite_strength_and_is_told():
    draws = draw(3, 4, resamples=100, seed=0)
    found = bradley_terry({("a", "b"): np.ones((3, 4))}, ["a", "b"], draws)
    lead = np.log((12 + EXTRA_WINS) / EXTRA_WINS)
    assert [row.strength.value for row in found] == pytest.approx([lead / 2, -lead / 2], abs=1e-5)
    assert all(row.separated and np.isfinite(row.strength.high) for row in found)


def test_systems_that_were_never_compared_have_no_common_scale():
    draws = draw(3, 4, resamples=100, seed=0)
    votes = {("a", "b"): np.ones((3, 4)), ("c", "d"): np.zeros((3, 4))}
    assert bradley_terry(votes, ["a", "b", "c", "d"], draws) == []
