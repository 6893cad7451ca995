"""Intervals: they cover what they promise, and sets of vectors are not drawn with replacement."""

import math

import numpy as np
import pytest
import torch

from cmmd.measures.frechet import DistanceTo, Gaussian
from cmmd.measures.intervals import bootstrap, bootstrap_mean, half_samples


def test_the_mean_is_covered_as_often_as_promised():
    rng = np.random.default_rng(0)
    covered = [
        interval.low <= 2 <= interval.high
        for interval in (bootstrap_mean(rng.exponential(2, size=60), resamples=300) for _ in range(200))
    ]
    assert 0.88 <= np.mean(covered) <= 0.98


def test_both_ways_to_a_mean_agree_and_nothing_is_nan():
    values = np.array([1.0, 4.0, 2.0, 8.0])
    assert bootstrap(4, lambda rows: float(values[rows].mean())) == bootstrap_mean([*values, math.nan])
    assert math.isnan(bootstrap_mean([]).value) and math.isnan(bootstrap(0, lambda rows: 1.0).low)


def test_halves_tell_the_spread_of_a_frechet_distance():
    """Against the spread over new samples, which is what the interval stands for."""
    generator = torch.Generator().manual_seed(0)
    reference = Gaussian.of(torch.randn(2000, 6, generator=generator))

    def sample() -> torch.Tensor:
        return 1 + torch.randn(60, 6, generator=generator)

    spread = np.std([DistanceTo(sample(), reference)() for _ in range(200)])
    widths = []
    for _ in range(10):
        distance = DistanceTo(sample(), reference)
        interval = half_samples(60, distance)
        assert interval.low < interval.value < interval.high
        assert interval.value == pytest.approx(distance(), rel=1e-9)
        widths.append((interval.high - interval.low) / 3.92)
    assert np.mean(widths) == pytest.approx(spread, rel=0.2)
