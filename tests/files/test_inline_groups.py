"""Inline groups: in Python the fields stand in a group, in YAML, JSON and --set beside those of the parent."""

from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from cmmd.errors import InputError
from cmmd.files.configuration import resolve, to_yaml
from cmmd.files.inline_groups import as_dict, flat_names, inline, replaced


@dataclass(frozen=True, kw_only=True, slots=True)
class Decay:
    power: float = 2.0
    end: int = 9


@inline("decay")
@dataclass(frozen=True, kw_only=True, slots=True)
class Rate:
    peak: float = 1e-3
    decay: Decay = Decay()

    def __post_init__(self) -> None:
        if self.peak <= 0:
            raise ValueError(f"peak {self.peak}: expected more than 0")


@inline("rate")
@dataclass(frozen=True, kw_only=True, slots=True)
class Loop:
    steps: int
    rate: Rate = Rate()
    seed: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    loop: Loop = Loop(steps=5)
    others: tuple[Loop, ...] = ()
    teacher: Loop | None = None


FLAT = {"steps": 5, "peak": 0.001, "power": 2.0, "end": 9, "seed": 0}


def refused(*overrides: str) -> list[str]:
    with pytest.raises(InputError) as caught:
        resolve(Recipe(), overrides=overrides)
    return str(caught.value).splitlines()


def test_a_group_is_written_in_its_place() -> None:
    assert list(as_dict(Loop(steps=5)).items()) == list(FLAT.items())
    assert list(flat_names(Loop)) == list(FLAT)
    assert to_yaml(Loop(steps=5)) == "steps: 5\npeak: 0.001\npower: 2.0\nend: 9\nseed: 0\n"


def test_what_is_written_reads_back_equal() -> None:
    loop = Loop(steps=3, rate=Rate(peak=0.5, decay=Decay(end=1)), seed=2)
    recipe = Recipe(loop=loop, others=(loop, Loop(steps=1)), teacher=loop)
    assert TypeAdapter(Recipe).validate_python(as_dict(recipe)) == recipe
    assert resolve(recipe) == recipe


def test_users_name_the_fields_alone_wherever_the_class_is_used() -> None:
    overrides = ["loop.peak=1", "others=[{steps: 1, end: 2}, {steps: 3, power: 4}]", "teacher={steps: 6}", "loop.end=7"]
    assert resolve(Recipe(), overrides=overrides) == Recipe(
        loop=Loop(steps=5, rate=Rate(peak=1.0, decay=Decay(end=7))),
        others=(Loop(steps=1, rate=Rate(decay=Decay(end=2))), Loop(steps=3, rate=Rate(decay=Decay(power=4.0)))),
        teacher=Loop(steps=6),
    )


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("loop.peak=x", "loop.peak: Input should be a valid number, unable to parse string as a number, found 'x'"),
        ("loop.end=1.5", "loop.end: Input should be a valid integer, got a number with a fractional part, found 1.5"),
        ("loop.peak=-1", "loop: peak -1.0: expected more than 0"),
        ("loop.peek=1", "loop.peek: no such setting; did you mean 'peak'?"),
        ("others=[{steps: 1, peak: x}]", "others.0.peak: Input should be a valid number, unable to parse string as a "),
    ],
)
def test_messages_name_no_group(override: str, message: str) -> None:
    (line,) = refused(override)
    assert line.startswith(f"--set {override}: {message}")


@pytest.mark.parametrize("key", ["rate", "decay", "rate.peak", "rate.decay.end"])
def test_a_group_is_no_setting(key: str) -> None:
    assert refused(f"loop.{key}=1") == [f"--set loop.{key}=1: loop.{key.partition('.')[0]}: no such setting"]


def test_a_group_does_not_hide_other_mistakes() -> None:
    assert refused("loop.rate=1", "loop.seed=x")[1:] == ["--set loop.rate=1: loop.rate: no such setting"]


def test_a_field_of_a_later_version_may_have_the_name_of_a_group() -> None:
    """Records ignore what they do not know."""
    assert TypeAdapter(Loop).validate_python(FLAT | {"rate": 3, "decay": None, "more": 1}) == Loop(steps=5)


def test_a_missing_field_of_a_group_is_named() -> None:
    @inline("loop")
    @dataclass(frozen=True, kw_only=True, slots=True)
    class Line:
        loop: Loop

    with pytest.raises(ValidationError) as caught:
        TypeAdapter(Line).validate_python({"seed": 1})
    assert [(problem["loc"], problem["input"]) for problem in caught.value.errors()] == [(("steps",), {"seed": 1})]


@pytest.mark.parametrize("name", ["peak", "end", "rate", "decay"])
def test_a_name_that_is_not_unique_is_refused(name: str) -> None:
    fields: dict[str, Any] = {"__annotations__": {"rate": Rate, name: Rate if name == "rate" else int, "group": Decay}}
    kind = dataclass(frozen=True, kw_only=True)(type("Twice", (), fields))
    groups = ("rate", "group") if name in ("end", "rate", "decay") else ("rate",)
    with pytest.raises(TypeError, match="Twice has more than one field of the name"):
        inline(*groups)(kind)


def test_fields_are_replaced_by_the_names_of_users() -> None:
    loop = Loop(steps=5, rate=Rate(decay=Decay(power=3.0)))
    assert replaced(loop, peak=0.5, end=4, seed=1) == Loop(
        steps=5, rate=Rate(peak=0.5, decay=Decay(power=3.0, end=4)), seed=1
    )
    assert replaced(loop, rate=Rate(peak=2.0), end=4) == Loop(steps=5, rate=Rate(peak=2.0, decay=Decay(end=4)))
    with pytest.raises(ValueError, match="peak 0"):
        replaced(loop, peak=0)
    with pytest.raises(TypeError, match="peek"):
        replaced(loop, peek=1)
