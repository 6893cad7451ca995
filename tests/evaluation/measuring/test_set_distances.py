"""Distances of sets: the model's and the floor's at equal sizes, and what real clips cannot be told from."""

import math

import numpy as np
import pytest
import torch

from cmmd.evaluation.backbones.log_mel import LogMelFrames
from cmmd.evaluation.measuring.set_distances import class_metrics, set_distance, set_metrics
from cmmd.measures.frechet import Gaussian, frechet_distance, per_sample_distances

BACKBONE = LogMelFrames()


def clips(count: int, *, mean: float = 0.0, seed: int = 0) -> list[torch.Tensor]:
    """Four vectors of six numbers a clip."""
    generator = torch.Generator().manual_seed(seed)
    return [mean + torch.randn(4, 6, generator=generator) for _ in range(count)]


def test_more_real_clips_are_at_the_floor_and_others_above_it():
    real, more, other = clips(80), clips(20, seed=1), clips(20, mean=0.5, seed=2)
    alike, apart = set_distance(BACKBONE, more, real), set_distance(BACKBONE, other, real)
    near, far = alike.split, apart.split
    assert (near.size, near.reference_size) == (20, 60)
    assert near.value == pytest.approx(near.real_value, abs=0.25)
    assert far.real_value == near.real_value
    assert far.low < far.value < far.high and far.low > far.real_value
    assert far.value == pytest.approx(6 * 0.25, abs=0.6)
    assert alike.at_infinity < alike.whole  # what is left of the bias is that of the reference


def test_samples_are_held_against_all_real_clips():
    real, made = clips(12), clips(5, mean=1, seed=3)
    distance = set_distance(BACKBONE, made, real)
    expected = per_sample_distances(made, Gaussian.of(torch.cat(real)))
    assert distance.samples == pytest.approx(expected.tolist(), rel=1e-9)
    assert distance.whole == pytest.approx(frechet_distance(torch.cat(made), torch.cat(real)), rel=1e-9)
    assert len(distance.real_samples) == distance.split.size == 5
    assert math.isnan(distance.at_infinity)  # five clips are too few to extrapolate from
    with pytest.raises(ValueError, match="expected at least 2 and 4"):
        set_distance(BACKBONE, made[:1], real)


def test_metrics_carry_their_backbone_and_their_floor():
    real, made = clips(40), clips(16, mean=0.5, seed=4)
    distance = set_distance(BACKBONE, made, real)
    own, sample, infinite, discrepancy = set_metrics(BACKBONE, distance, made, real)
    names = [metric.name for metric in (own, sample, infinite, discrepancy)]
    assert names == ["FD-logmel", "FD-logmel per sample", "FD-logmel at infinity", "KD-logmel"]
    assert own.value > own.floor and discrepancy.value > discrepancy.floor
    assert sample.value == np.median(distance.samples)
    assert all(metric.low <= metric.value <= metric.high for metric in (own, sample, infinite, discrepancy))


def test_the_inception_score_stands_beside_that_of_real_clips():
    sure = torch.eye(4)[torch.arange(12) % 4].double()
    score = class_metrics(BACKBONE, torch.full((12, 4), 0.25, dtype=torch.float64), sure)[0]
    assert score.value == pytest.approx(1) and score.ceiling == pytest.approx(4, rel=0.1)
    assert score.name == "IS-logmel"
