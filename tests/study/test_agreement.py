"""Krippendorff's alpha against the published examples."""

import numpy as np
import pytest

from cmmd.study.agreement import Level, krippendorff_alpha


def table(*rows: str) -> np.ndarray:
    """A row an observer, a column a unit, a dot where there is no value."""
    return np.array([[np.nan if cell == "." else float(cell) for cell in row.split()] for row in rows])


FOUR_OBSERVERS = table(  # Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability", section C
    "1 2 3 3 2 1 4 1 2 . . .",
    "1 2 3 3 2 2 4 1 2 5 . 3",
    ". 3 3 3 2 3 4 2 2 5 1 .",
    "1 2 3 3 2 4 4 1 2 5 1 .",
)
THREE_CODERS = table(  # the computational example of Wikipedia's article on the coefficient
    ". . . . . 3 4 1 2 1 1 3 3 . 3",
    "1 . 2 1 3 3 4 3 . . . . . . .",
    ". . 2 1 3 4 4 . 2 1 1 3 3 . 4",
)


@pytest.mark.parametrize(
    ("values", "level", "alpha"),
    [
        (FOUR_OBSERVERS, "nominal", 0.743),
        (FOUR_OBSERVERS, "ordinal", 0.815),
        (THREE_CODERS, "nominal", 0.691),
        (THREE_CODERS, "ordinal", 0.807),
    ],
)
def test_published_examples(values: np.ndarray, level: Level, alpha: float):
    assert krippendorff_alpha(values, level=level) == pytest.approx(alpha, abs=5e-4)


@pytest.mark.parametrize("level", ["nominal", "ordinal"])
def test_perfect_agreement_is_one_and_chance_is_nought(level: Level):
    rng = np.random.default_rng(0)
    assert krippendorff_alpha(np.tile(rng.integers(1, 6, 40), (3, 1)).astype(float), level=level) == 1
    assert krippendorff_alpha(rng.integers(1, 6, (6, 400)).astype(float), level=level) == pytest.approx(0, abs=0.03)


def test_ordinal_looks_at_order_alone_and_nominal_at_sameness():
    stretched = np.choose(np.nan_to_num(FOUR_OBSERVERS, nan=0).astype(int), [0, 1, 2, 30, 40, 500]).astype(float)
    stretched[np.isnan(FOUR_OBSERVERS)] = np.nan
    renamed = np.where(FOUR_OBSERVERS == 1, 9, FOUR_OBSERVERS)
    for level in ("nominal", "ordinal"):
        assert krippendorff_alpha(stretched, level=level) == krippendorff_alpha(FOUR_OBSERVERS, level=level)
    assert krippendorff_alpha(renamed, level="nominal") == pytest.approx(
        krippendorff_alpha(FOUR_OBSERVERS, level="nominal")
    )
    assert krippendorff_alpha(renamed, level="ordinal") < krippendorff_alpha(FOUR_OBSERVERS, level="ordinal")


def test_what_cannot_be_told_is_nan():
    for values in (np.ones((3, 4)), np.full((2, 3), np.nan), np.array([[1.0, np.nan], [np.nan, 2.0]])):
        assert np.isnan(krippendorff_alpha(values, level="ordinal"))
