"""Frechet distance: golden values by hand, an oracle, single samples, infinite size, and what it cannot take."""

import math
import time

import pytest
import torch

from cmmd.measures.frechet import (
    DistanceTo,
    Gaussian,
    frechet_at_infinity,
    frechet_distance,
    frechet_of_gaussians,
    per_sample_distances,
)


def root(covariance: list[list[float]]) -> torch.Tensor:
    return torch.linalg.cholesky(torch.tensor(covariance, dtype=torch.float64))


ZERO = torch.zeros(2, dtype=torch.float64)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ([[2.0, 1.0], [1.0, 2.0]], [[2.0, -1.0], [-1.0, 2.0]], 8 - 4 * math.sqrt(3)),
        ([[2.0, 1.0], [1.0, 2.0]], [[2.0, 0.0], [0.0, 1.0]], 7 - 2 * math.sqrt(6 + 2 * math.sqrt(6))),
    ],
)
def test_golden_values_of_covariances(a, b, expected):
    assert frechet_of_gaussians(ZERO, root(a), ZERO, root(b)) == pytest.approx(expected, abs=1e-9)


def test_golden_value_of_means():
    mean = torch.tensor([1.0, 2.0, 2.0], dtype=torch.float64)
    eye = torch.eye(3, dtype=torch.float64)
    assert frechet_of_gaussians(0 * mean, eye, mean, 2 * eye) == pytest.approx(12, abs=1e-9)


def test_two_vectors_against_a_unit_gaussian():
    few = torch.tensor([[0.0, 0.0], [2.0, 0.0]])
    unit = math.sqrt(1.5) * torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    assert frechet_distance(few, unit) == pytest.approx(5 - 2 * math.sqrt(2), abs=1e-6)


def test_one_sample_against_a_unit_gaussian():
    """The windows of one clip against a reference: the same value by the projection."""
    reference = Gaussian(ZERO, torch.eye(2, dtype=torch.float64), 10)
    clips = [torch.tensor([[0.0, 0.0], [2.0, 0.0]]), torch.tensor([[1.0, 1.0]])]
    distances = per_sample_distances(clips, reference)
    assert distances[0].item() == pytest.approx(5 - 2 * math.sqrt(2), abs=1e-9)
    assert distances[1].isnan()


def test_equals_torchmetrics(generator):
    fid = pytest.importorskip("torchmetrics.image.fid")

    class Identity(torch.nn.Module):
        num_features = 12

        def forward(self, x):
            return x

    for n, m in ((40, 30), (200, 15)):
        a, b = torch.randn(n, 12, generator=generator), 0.5 + 2 * torch.randn(m, 12, generator=generator)
        oracle = fid.FrechetInceptionDistance(feature=Identity(), input_img_size=(12,)).set_dtype(torch.float64)
        oracle.update(a.double(), real=True)
        oracle.update(b.double(), real=False)
        assert frechet_distance(a, b) == pytest.approx(oracle.compute().item(), rel=1e-6)


def test_subsets_are_sets_of_their_own(generator):
    a, b = torch.randn(30, 8, generator=generator), 1 + torch.randn(50, 8, generator=generator)
    distance = DistanceTo(a, Gaussian.of(b))
    rows = torch.tensor([0, 3, 9, 20, 21])
    assert distance(rows) == pytest.approx(frechet_distance(a[rows], b), rel=1e-9)
    assert distance() == pytest.approx(frechet_distance(a, b), rel=1e-9)


def test_a_single_sample_takes_milliseconds(generator):
    reference = Gaussian.of(torch.randn(2000, 512, generator=generator))
    clips = [torch.randn(2, 512, generator=generator) for _ in range(50)]
    per_sample_distances(clips[:2], reference)
    started = time.process_time()  # CPU time: the wall clock would measure how busy the machine is
    per_sample_distances(clips, reference)
    spent = (time.process_time() - started) / len(clips)
    print(f"per-sample distance in 512 dimensions: {1000 * spent:.2f} ms")
    assert spent < 0.02


def test_infinite_size_takes_the_bias_away(generator):
    """A distribution against itself: far from 0 at 64 vectors, near it when extrapolated."""
    reference = Gaussian.of(torch.randn(20_000, 8, generator=generator))
    small, extrapolated = [], []
    for seed in range(10):
        clips = list(torch.randn(64, 1, 8, generator=generator))
        small.append(DistanceTo(torch.cat(clips), reference)())
        extrapolated.append(frechet_at_infinity(clips, reference, seed=seed).value)
    bias = sum(small) / len(small)
    assert bias > 0.1
    assert abs(sum(extrapolated) / len(extrapolated)) < bias / 4
    with pytest.raises(ValueError, match="found 3 clips, expected at least 8"):
        frechet_at_infinity(clips[:3], reference)


def test_both_ways_to_a_factor_agree():
    """More vectors than dimensions, or fewer: the covariance's own square root says the same."""
    generator = torch.Generator().manual_seed(0)
    a, b = torch.randn(40, 6, generator=generator), 1 + 2 * torch.randn(5, 6, generator=generator)
    covariances = [torch.cov(x.double().T) for x in (a, b)]
    eigenvalues = torch.linalg.eigvals(covariances[0] @ covariances[1]).real.clamp_min(0)
    expected = (a.double().mean(0) - b.double().mean(0)).square().sum() + sum(c.trace() for c in covariances)
    assert frechet_distance(a, b) == pytest.approx((expected - 2 * eigenvalues.sqrt().sum()).item(), rel=1e-6)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-9)


def test_one_vector_is_no_set():
    with pytest.raises(ValueError, match="the second set has 1 vectors, expected at least 2"):
        frechet_distance(torch.zeros(3, 2), torch.zeros(1, 2))
