"""Polynomial MMD: a value by hand, no bias of sample size, subsets equal sets of their own."""

import pytest
import torch

from cmmd.measures.mmd import MMDTo, polynomial_mmd


def test_golden_value():
    a, b = torch.tensor([[0.0, 0.0], [2.0, 0.0]]), torch.tensor([[0.0, 1.0], [2.0, 1.0]])
    assert polynomial_mmd(a, b) == pytest.approx(-10.625, abs=1e-9)


def test_equal_distributions_are_at_zero_whatever_the_size(generator):
    def mean(size: int) -> float:
        draws = [torch.randn(2, size, 4, generator=generator) for _ in range(200)]
        return sum(polynomial_mmd(x, y) for x, y in draws) / len(draws)

    assert mean(6) == pytest.approx(0, abs=0.15)
    assert mean(40) == pytest.approx(0, abs=0.05)


def test_a_subset_is_a_set_of_its_own(generator):
    a, b = torch.randn(12, 5, generator=generator), 1 + torch.randn(9, 5, generator=generator)
    rows = torch.tensor([1, 4, 7, 11])
    assert MMDTo(a, b)(rows) == pytest.approx(polynomial_mmd(a[rows], b), rel=1e-9)
    assert polynomial_mmd(a, b) > polynomial_mmd(a[:6], a[6:])


def test_one_vector_is_no_set():
    with pytest.raises(ValueError, match="the second set has 1 vectors, expected at least 2"):
        polynomial_mmd(torch.zeros(3, 2), torch.zeros(1, 2))
