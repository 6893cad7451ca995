"""p values: exact where they can be counted, never below what few raters or items allow; Holm by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import permutation_test

from cmmd.study.correction import holm
from cmmd.study.resampling import draw, resample
from cmmd.study.significance import bootstrap_p, preference_p, sign_flip_p


def test_sign_flips_by_hand():
    assert sign_flip_p(np.array([1.0, 1.0, 1.0])) == 2 / 8
    assert sign_flip_p(np.array([3.0, -1.0])) == 1.0  # sums 2, 4, -4, -2: none nearer to zero
    assert sign_flip_p(np.zeros(4)) == 1.0


@pytest.mark.parametrize("count", [8, 20])  # counted, and drawn
def test_sign_flips_equal_scipy(count: int):
    leads = np.random.default_rng(count).standard_normal(count) + 0.5
    known = permutation_test(
        (leads, np.zeros(count)),
        lambda a, b, axis: (a - b).sum(axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=1_000_000 if count < 10 else 20_000,
        rng=np.random.default_rng(0),
    )
    assert sign_flip_p(leads) == pytest.approx(known.pvalue, abs=1e-12 if count < 10 else 0.01)


def test_few_who_all_agree_prove_little():
    """The bootstrap alone would be certain."""
    for raters, items, least in ((2, 50, 0.5), (50, 3, 0.25), (30, 30, 1e-4)):
        votes = np.ones((raters, items))
        shares = resample(votes, draw(raters, items, resamples=1000, seed=0)).means
        assert bootstrap_p(shares) < 0.005
        assert preference_p(votes, shares) >= least


def test_the_bootstrap_counts_the_far_side():
    assert bootstrap_p(np.array([0.4, 0.6, 0.7, 0.8])) == 2 * 2 / 5
    assert bootstrap_p(np.array([0.5, 0.5])) == 1.0


def test_holm_by_hand():
    """Four tests: 0.005 x 4, 0.01 x 3, 0.03 x 2, and 0.04, raised to the one before."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == [] and holm([0.2]) == [0.2] and holm([0.6, 0.7]) == [1.0, 1.0]


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_lies_between_no_correction_and_bonferroni(p_values: list[float]):
    for p, adjusted in zip(p_values, holm(p_values), strict=True):
        assert p <= adjusted <= 1
    if p_values:
        assert min(holm(p_values)) == pytest.approx(min(1, len(p_values) * min(p_values)))
