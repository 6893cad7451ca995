"""Intervals over raters and items: they cover what they promise, where intervals over pooled votes do not."""

import numpy as np
import pytest
from simulated_raters import simulated_votes, true_share

from cmmd.study.preference import preferences
from cmmd.study.resampling import draw, mean_interval, resample

SIMULATIONS = 400
EFFECT = 0.35


def pooled_interval(votes: np.ndarray) -> tuple[float, float]:
    """As if all votes were independent (Wald)."""
    share = votes.mean()
    half = 1.96 * np.sqrt(share * (1 - share) / votes.size)
    return share - half, share + half


def test_the_interval_covers_and_the_pooled_one_does_not():
    rng = np.random.default_rng(0)
    truth, covered, pooled = true_share(EFFECT), 0, 0
    for number in range(SIMULATIONS):
        votes = simulated_votes(EFFECT, raters=24, items=20, rng=rng)
        found = mean_interval(votes, draw(24, 20, resamples=500, seed=number))
        low, high = pooled_interval(votes)
        covered += found.low <= truth <= found.high
        pooled += low <= truth <= high
    assert 0.90 <= covered / SIMULATIONS <= 0.98
    assert pooled / SIMULATIONS < 0.75


def test_where_raters_saw_a_part_only_the_interval_still_covers():
    rng = np.random.default_rng(1)
    truth, covered = true_share(EFFECT), 0
    for number in range(200):
        votes = simulated_votes(EFFECT, raters=24, items=20, rng=rng)
        votes[rng.random(votes.shape) < 0.6] = np.nan
        found = mean_interval(votes, draw(24, 20, resamples=500, seed=number))
        covered += found.low <= truth <= found.high
    assert 0.90 <= covered / 200 <= 0.99


def test_a_test_of_no_preference_is_wrong_at_most_as_often_as_it_says():
    """Where raters and items differ much, and either of the sign flips alone would be wrong too often."""
    rng = np.random.default_rng(2)
    wrong = 0
    for number in range(200):
        votes = simulated_votes(0.0, raters=16, items=16, rng=rng, spread=1.2)
        (row,) = preferences({("sound", "a", "b"): votes}, draw(16, 16, resamples=400, seed=number))
        wrong += row.p < 0.05
    assert wrong / 200 <= 0.08  # 0.05 and twice the deviation of 200 tries


def test_a_preference_is_found():
    votes = simulated_votes(1.5, raters=16, items=12, rng=np.random.default_rng(3))
    (row,) = preferences({("sound", "a", "b"): votes}, draw(16, 12, resamples=2000, seed=0))
    assert row.p < 0.005 and row.wins + row.ties + row.losses == 16 * 12


def test_a_draw_is_a_mean_over_rows_and_columns_drawn_again():
    votes = np.array([[1.0, np.nan, 3.0], [4.0, 5.0, np.nan]])
    draws = draw(2, 3, resamples=50, seed=3)
    assert (draws.raters.sum(1) == 2).all() and (draws.items.sum(1) == 3).all()
    for raters, items, mean in zip(draws.raters, draws.items, resample(votes, draws).means, strict=True):
        rows, columns = np.repeat(range(2), raters.astype(int)), np.repeat(range(3), items.astype(int))
        drawn = votes[np.ix_(rows, columns)]
        known = drawn[~np.isnan(drawn)]
        assert mean == pytest.approx(known.mean()) if len(known) else np.isnan(mean)


def test_one_rater_or_one_item_has_no_interval():
    for shape in ((1, 6), (6, 1)):
        found = mean_interval(np.ones(shape), draw(*shape, resamples=100, seed=0))
        assert found.value == 1 and np.isnan(found.low) and np.isnan(found.high)
    assert np.isnan(mean_interval(np.full((3, 3), np.nan), draw(3, 3, resamples=100, seed=0)).value)
