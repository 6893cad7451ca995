"""Claims about matching and its figures: golden values by hand, optimality, exact delays, chance."""

from itertools import combinations, permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmmd.measures.alignment import (
    bootstrap_f1,
    chance_f1,
    derangement,
    envelope_lag,
    event_lag,
    match_events,
    measure_alignment,
)

few_times = st.lists(st.integers(0, 30).map(lambda tick: tick / 10), max_size=5)


def brute_force(found: list[float], true: list[float], tolerance: float) -> tuple[int, float]:
    """The largest number of pairs within tolerance, and the smallest total offset with that many."""
    best = (0, 0.0)
    for size in range(1, min(len(found), len(true)) + 1):
        for some in combinations(range(len(found)), size):
            for others in permutations(range(len(true)), size):
                offsets = [abs(found[i] - true[j]) for i, j in zip(some, others, strict=True)]
                if max(offsets) <= tolerance:
                    best = max(best, (size, -sum(offsets)))
    return best[0], -best[1]


@given(found=few_times, true=few_times, tolerance=st.sampled_from([0.05, 0.15, 0.45, 1.0]))
def test_matching_is_as_good_as_trying_everything(found: list[float], true: list[float], tolerance: float) -> None:
    matching = match_events(found, true, tolerance=tolerance)
    size, offset = brute_force(found, true, tolerance)
    assert len(matching.pairs) == size
    assert sum(map(abs, matching.offsets)) == pytest.approx(offset)
    assert len({i for i, _ in matching.pairs}) == len({j for _, j in matching.pairs}) == size
    for (i, j), difference in zip(matching.pairs, matching.offsets, strict=True):
        assert difference == found[i] - true[j]
    times = [(found[i], true[j]) for i, j in matching.pairs]
    assert times == sorted(times) and [time for _, time in times] == sorted(time for _, time in times)


def test_nearest_is_not_taken_when_it_costs_a_pair() -> None:
    # 0.05 is nearest to 0.06, but then 0.10 would have nobody: both pairs are possible.
    matching = match_events([0.05, 0.10], [0.0, 0.06], tolerance=0.05)
    assert matching.pairs == ((0, 0), (1, 1))


def test_golden_counts() -> None:
    # Clip 1: 3 found, 2 true, 2 matched at 50 ms. Clip 2: 1 found, 2 true, 0 matched at 50 ms, 1 at 100 ms.
    report = measure_alignment([[0.11, 0.5, 1.0], [0.30]], [[0.10, 0.98], [0.38, 1.2]])
    fine, coarse = report.at(0.05), report.at(0.1)
    assert (fine.matched, fine.found, fine.true) == (2, 4, 4)
    assert fine.precision == fine.recall == fine.f1 == 0.5
    assert coarse.f1 == 0.75
    assert fine.clip_mean == pytest.approx((2 * 2 / 5 + 0) / 2)
    # Offsets of pairs within 100 ms: +10, +20, -80 ms.
    assert report.median_absolute_offset == pytest.approx(0.02)
    assert report.median_offset == pytest.approx(0.01)


def test_nothing_to_count_is_nan_and_agreement_on_nothing_is_perfect() -> None:
    report = measure_alignment([[], []], [[], []])
    assert np.isnan(report.at(0.05).f1)
    assert report.at(0.05).clip_mean == 1.0
    assert np.isnan(report.lag)
    assert np.isnan(report.median_absolute_offset)
    assert measure_alignment([[]], [[0.3]]).at(0.05).f1 == 0.0
    assert measure_alignment([], []).clips == 0


@given(delay=st.integers(-80, 80).map(lambda ms: ms / 1000), seed=st.integers(0, 20))
def test_a_delay_shifts_offsets_and_lag_by_exactly_the_delay(delay: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    true = [np.cumsum(rng.uniform(0.4, 0.8, size=4)) for _ in range(5)]
    report = measure_alignment([times + delay for times in true], true)
    assert report.median_offset == pytest.approx(delay, abs=1e-9)
    assert report.median_absolute_offset == pytest.approx(abs(delay), abs=1e-9)
    assert report.lag == pytest.approx(delay, abs=0.0011)
    assert report.at(0.1).f1 == 1.0
    assert report.at(0.05).f1 == (1.0 if abs(delay) < 0.05 + 1e-12 else 0.0)


def test_chance_of_independent_events_is_what_probability_says() -> None:
    # One event a clip, uniform over T on both sides: |difference| <= d has probability 1 - (1 - d / T)^2.
    rng = np.random.default_rng(0)
    found, true = rng.uniform(0, 1.6, size=(2, 400, 1))
    expected = 1 - (1 - 0.1 / 1.6) ** 2
    assert chance_f1(list(found), list(true), tolerance=0.1, shuffles=20) == pytest.approx(expected, abs=0.015)


def test_chance_does_not_profit_from_agreement_within_clips() -> None:
    rng = np.random.default_rng(1)
    true = [rng.uniform(0, 1.6, size=1) for _ in range(400)]
    expected = 1 - (1 - 0.05 / 1.6) ** 2
    assert chance_f1(true, true, tolerance=0.05, shuffles=20) == pytest.approx(expected, abs=0.015)
    assert np.isnan(chance_f1(true[:1], true[:1], tolerance=0.05))


@given(count=st.integers(2, 40), seed=st.integers(0, 1000))
def test_a_derangement_moves_every_clip(count: int, seed: int) -> None:
    order = derangement(count, np.random.default_rng(seed))
    assert sorted(order) == list(range(count))
    assert (order != np.arange(count)).all()


def test_the_interval_covers_what_it_should() -> None:
    # Clips of 2 true events found with probability 0.8 each, nothing false: pooled F1 tends to 2 * 0.8 / 1.8.
    rng = np.random.default_rng(0)
    covered = 0
    for trial in range(100):
        found = rng.binomial(2, 0.8, size=80)
        counts = np.stack([found, found, np.full(80, 2)], axis=1)
        low, high = bootstrap_f1(counts, seed=trial, resamples=300)
        covered += low <= 1.6 / 1.8 <= high
    assert covered >= 88


def test_lag_finds_a_shift_that_matching_cannot() -> None:
    rng = np.random.default_rng(0)
    true = [rng.uniform(0, 3, size=4) for _ in range(50)]
    assert event_lag([times + 0.16 for times in true], true) == pytest.approx(0.16, abs=0.002)


@given(shift=st.integers(-40, 40))
def test_envelope_lag_is_the_shift(shift: int) -> None:
    envelope = np.zeros(400)
    envelope[[100, 190, 310]] = (1.0, 0.4, 0.8)
    assert envelope_lag(np.roll(envelope, shift), envelope, rate=200.0) == pytest.approx(shift / 200)
    assert np.isnan(envelope_lag(np.ones(400), envelope, rate=200.0))


def test_wrong_questions_are_refused() -> None:
    with pytest.raises(ValueError, match="2 clips, true events for 1"):
        measure_alignment([[], []], [[]])
    with pytest.raises(ValueError, match="was not measured"):
        measure_alignment([[0.1]], [[0.1]]).at(0.07)
