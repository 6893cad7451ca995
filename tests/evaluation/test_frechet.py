"""Frechet distance: golden values by hand, any number of vectors, and what it cannot take."""

import math

import pytest
import torch

from cmmd.evaluation.frechet import frechet_distance, frechet_of_gaussians


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
