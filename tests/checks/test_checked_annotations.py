"""The annotations of the package are checked while tests run: arguments and results, types, dtypes and shapes."""

import importlib
import sys
import textwrap

import pytest
import torch
from checked_once import MOST
from jaxtyping import TypeCheckError

MODULE = """
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class Pair:
    a: Float[Tensor, "n"]
    b: Float[Tensor, "n"]


def first(x: Float[Tensor, "n d"], *, result: object) -> Float[Tensor, "d"]:
    return result


def scaled(x: Float[Tensor, "..."], factor: float = 1) -> float:
    return factor


def name(x: int) -> str:
    return x if x > 0 else "none"


def inner():
    def name(x: int) -> str:
        return x

    return name


def positions(x: Float[Tensor, "n"]):
    yield from x


class Doubling:
    def __init__(self, by: int) -> None:
        self.by = by

    @classmethod
    def of(cls, by: int) -> "Doubling":
        return cls(by)

    def double(self, x: int) -> int:
        return self.by * x
"""
x, d = torch.zeros(2, 3), torch.zeros(3)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory):
    """A module of the package, as far as its import is concerned."""
    import cmmd

    folder = tmp_path_factory.mktemp("made")
    (folder / "made_for_checks.py").write_text(textwrap.dedent(MODULE))
    cmmd.__path__.append(str(folder))
    yield importlib.import_module("cmmd.made_for_checks")
    cmmd.__path__.remove(str(folder))
    del sys.modules["cmmd.made_for_checks"]


def test_what_fits_passes(made):
    assert made.first(x, result=d) is d
    assert made.scaled(x, 2) == 2  # an int is a float
    assert made.name(0) == "none" and len(list(made.positions(d))) == 3
    assert made.Pair(d, d).a is d


def test_a_function_within_a_function_is_not_checked(made):
    assert made.inner()(1) == 1


@pytest.mark.parametrize(
    "call",
    [
        lambda made: made.first(d, result=d),
        lambda made: made.first(x.int(), result=d),
        lambda made: made.first([1.0], result=d),
        lambda made: made.scaled(x, "2"),
        lambda made: made.name("a"),
        lambda made: made.positions(x),
        lambda made: made.Pair(d, torch.zeros(2)),
        lambda made: made.Pair(d, b=d.int()),
    ],
)
def test_a_wrong_argument_raises(made, call):
    with pytest.raises(TypeCheckError, match="checking the parameters"):
        call(made)


@pytest.mark.parametrize("result", [x, torch.zeros(2), d.int(), d.double().long(), None])
def test_a_wrong_result_raises(made, result):
    """Also one whose shape is wrong only beside that of the argument: it has 2 rows of 3."""
    with pytest.raises(TypeCheckError, match="checking the return value"):
        made.first(x, result=result)


def test_only_the_first_calls_are_checked(made):
    doubling = made.Doubling.of(2)
    for call in (made.Doubling, made.Doubling.of, doubling.double):
        with pytest.raises(TypeCheckError):
            call("2")
        for _ in range(MOST):
            call(2)
        call("2")


def test_a_result_of_a_wrong_type_raises(made):
    with pytest.raises(TypeCheckError, match="checking the return value"):
        made.name(1)
