"""The mutants of tests/mutants/ still fit the source: every edit applies, to code that is no other mutant's, once."""

import ast

import pytest
from catalogue import MUTANTS
from mutant import SOURCE, Mutant

REQUIRED = {
    "loss masks swapped between modalities",
    "x_t with swapped times",
    "dropout never reaching the network",
    "log directions swapped",
    "epsilon target in place of v",
    "negatives' errors unmasked",
    "EMA reversed",
    "EMA without its ramp",
    "clipping off",
    "schedule not applied",
    "held-out losses of raw weights",
    "prepared audio always from the clip's start",
    "epoch order without the seed",
    "flat window weights",
    "joint audio time 1 - t",
    "t = 0.5 at every step",
    "skips kept before hearing",
    "both standardisations dropped",
    "one noise for both modalities",
    "phase seed ignored",
    "contrast decided per micro-batch",
}
"""Mistakes that a whole test suite has overlooked before."""


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_an_edit_applies_and_leaves_code_that_differs(mutant: Mutant):
    original = (SOURCE / "cmmd" / mutant.file).read_text(encoding="utf-8")
    assert ast.dump(ast.parse(mutant.mutated())) != ast.dump(ast.parse(original))


def test_an_edit_that_fits_nowhere_or_twice_is_told():
    for old in ("no such line of code", "import"):
        with pytest.raises(ValueError, match=r"name: losses/contrastive\.py has \d+ times .* expected it once"):
            Mutant("name", "losses/contrastive.py", old, "", "losses/test_contrastive.py").mutated()


def test_names_are_unique_and_the_mistakes_that_were_once_overlooked_are_among_them():
    names = [mutant.name for mutant in MUTANTS]
    assert len(set(names)) == len(names) >= 110
    assert set(names) >= REQUIRED
    assert not any(mutant.reason for mutant in MUTANTS if mutant.name in REQUIRED)


def test_the_tests_of_a_mutant_are_there():
    tests = SOURCE.parent / "tests"
    assert [file for mutant in MUTANTS for file in mutant.tests.split() if not (tests / file).is_file()] == []
