"""Configurations: file, then overrides, every mistake in one go, and what is written reads back equal."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cmmd.errors import InputError
from cmmd.files.configuration import read_settings, resolve, to_yaml
from cmmd.files.inline_groups import as_dict


@dataclass(frozen=True, kw_only=True, slots=True)
class Optimizer:
    rate: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    warmup: int = 100

    def __post_init__(self) -> None:
        if self.rate <= 0:
            raise ValueError(f"rate {self.rate}: expected more than 0")


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    width: int = 32


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    steps: int = 1000
    family: Literal["impacts", "dance"] = "impacts"
    compiled: bool = False
    data: Path | None = None
    optimizer: Optimizer = Optimizer()
    teacher: Optimizer | None = None
    stages: tuple[Stage, ...] = (Stage(), Stage(width=64))
    weights: dict[str, float] = field(default_factory=lambda: {"video": 1.0, "audio": 0.5})


def written(folder: Path, text: str) -> Path:
    file = folder / "run.yaml"
    file.write_text(text)
    return file


def refused(**given: object) -> list[str]:
    with pytest.raises(InputError) as caught:
        resolve(Recipe(), **given)  # type: ignore[arg-type]
    return str(caught.value).splitlines()


def test_nothing_given_changes_nothing() -> None:
    assert resolve(Recipe()) == Recipe()


def test_overrides_lie_over_the_file_and_the_file_over_the_recipe(tmp_path: Path) -> None:
    file = written(tmp_path, "steps: 5\noptimizer:\n  rate: 0.5\n  warmup: 7\n")
    config = resolve(Recipe(), file=file, overrides=["optimizer.rate=0.25", "data=clips/a"])
    assert config == Recipe(steps=5, data=Path("clips/a"), optimizer=Optimizer(rate=0.25, warmup=7))


def test_the_recipe_given_is_the_default_not_its_class() -> None:
    assert resolve(Recipe(steps=3), overrides=["compiled=true"]) == Recipe(steps=3, compiled=True)


def test_numbers_that_yaml_takes_for_text_are_numbers() -> None:
    config = resolve(Recipe(), overrides=["optimizer.rate=1e-4", "weights.video=1e-2", "optimizer.betas=[5e-1, 0.9]"])
    assert config.optimizer == Optimizer(rate=1e-4, betas=(0.5, 0.9))
    assert config.weights == {"video": 0.01, "audio": 0.5}


def test_later_overrides_win_and_reach_into_earlier_ones() -> None:
    config = resolve(Recipe(), overrides=["teacher={rate: 1.0}", "teacher.warmup=1", "steps=1", "steps=2"])
    assert config.teacher == Optimizer(rate=1.0, warmup=1)
    assert config.steps == 2


def test_an_optional_group_can_be_switched_off() -> None:
    assert resolve(Recipe(teacher=Optimizer()), overrides=["teacher=null"]).teacher is None


def test_lists_replace_lists() -> None:
    assert resolve(Recipe(), overrides=["stages=[{width: 8}]"]).stages == (Stage(width=8),)


def test_an_empty_file_is_no_change(tmp_path: Path) -> None:
    assert resolve(Recipe(), file=written(tmp_path, "# nothing yet\n")) == Recipe()


def test_all_errors_come_at_once_each_with_its_source(tmp_path: Path) -> None:
    file = written(tmp_path, "step: 5\noptimizer:\n  rat: 0.5\nfamily: dancing\n")
    lines = refused(file=file, overrides=["steps=1.5", "stages=[{widht: 3}]", "compiled", "optimizer.warmup=2"])
    assert sorted(lines) == sorted(
        [
            "--set compiled: expected KEY=VALUE or KEY.SUBKEY=VALUE",
            "--set steps=1.5: steps: Input should be a valid integer, got a number with a fractional part, found 1.5",
            f"{file}: family: Input should be 'impacts' or 'dance', found 'dancing'",
            f"{file}: optimizer.rat: no such setting; did you mean 'rate'?",
            "--set stages=[{widht: 3}]: stages.0.widht: no such setting",
            f"{file}: step: no such setting; did you mean 'steps'?",
        ]
    )


def test_a_misspelt_group_is_one_line() -> None:
    assert refused(overrides=["optimiser.rate=1"]) == [
        "--set optimiser.rate=1: optimiser: no such setting; did you mean 'optimizer'?"
    ]


def test_a_check_of_the_class_itself_is_told_without_noise() -> None:
    assert refused(overrides=["optimizer.rate=-1"]) == [
        "--set optimizer.rate=-1: optimizer: rate -1.0: expected more than 0"
    ]


def test_a_group_cannot_become_a_value() -> None:
    assert refused(overrides=["optimizer=fast"]) == [
        "--set optimizer=fast: optimizer is a group of settings (rate, betas, warmup), found 'fast'"
    ]


def test_a_value_has_no_settings_inside() -> None:
    (line,) = refused(overrides=["steps.warmup=1"])
    assert line.startswith("--set steps.warmup=1: steps: Input should be a valid integer")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("steps: [1", "is not YAML"),
        ("- 1\n- 2\n", "found [1, 2], expected KEY: VALUE lines"),
        ("1: 2\n", "found the key '1', expected a name"),
        ("a: !!python/object:os.system {}\n", "is not YAML"),
    ],
)
def test_a_bad_file_is_one_line_with_its_name(tmp_path: Path, text: str, found: str) -> None:
    file = written(tmp_path, text)
    (line,) = refused(file=file)
    assert line.startswith(f"{file}: ")
    assert found in line


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    assert refused(file=tmp_path / "no.yaml") == [
        f"{tmp_path / 'no.yaml'}: found nothing to read (No such file or directory), expected KEY: VALUE lines"
    ]


def test_a_file_that_is_no_text_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_bytes(b"\xff\xfe\x00\x81")
    (line,) = refused(file=file)
    assert "found no UTF-8 text (byte 0 is 0xff)" in line


@pytest.mark.parametrize("override", ["=1", "a..b=1", "a.=1", "steps"])
def test_an_override_needs_a_key_and_a_value(override: str) -> None:
    assert refused(overrides=[override]) == [f"--set {override}: expected KEY=VALUE or KEY.SUBKEY=VALUE"]


recipes = st.builds(
    Recipe,
    steps=st.integers(),
    compiled=st.booleans(),
    data=st.none() | st.sampled_from([Path("a/b"), Path("1e-4"), Path("yes")]),
    optimizer=st.builds(Optimizer, rate=st.floats(min_value=1e-12, max_value=1e12)),
    teacher=st.none() | st.just(Optimizer(warmup=3)),
    stages=st.lists(st.builds(Stage, width=st.integers())).map(tuple),
    weights=st.dictionaries(st.sampled_from(["video", "audio", "no"]), st.floats(allow_nan=False)),
)


@settings(max_examples=25)
@given(recipes)
def test_what_is_written_reads_back_equal(tmp_path_factory: pytest.TempPathFactory, recipe: Recipe) -> None:
    file = written(tmp_path_factory.mktemp("written"), to_yaml(recipe))
    # Free-form weights are laid over, not replaced: start from none.
    assert resolve(Recipe(weights={}), file=file) == recipe


def test_a_configuration_is_plain_values() -> None:
    assert as_dict(Recipe(data=Path("a"))) == {
        "steps": 1000,
        "family": "impacts",
        "compiled": False,
        "data": "a",
        "optimizer": {"rate": 1e-3, "betas": [0.9, 0.999], "warmup": 100},
        "teacher": None,
        "stages": [{"width": 32}, {"width": 64}],
        "weights": {"video": 1.0, "audio": 0.5},
    }


def test_only_a_dataclass_object_is_a_configuration() -> None:
    with pytest.raises(TypeError, match="dataclass object"):
        as_dict({"steps": 1})


def test_a_file_names_its_recipe_by_a_name(tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text("recipe: 3\n")
    with pytest.raises(InputError, match="recipe is 3, expected a name"):
        read_settings(file)
    file.write_text("recipe: world.tiny\nloop:\n  steps: 2\n")
    assert read_settings(file) == ("world.tiny", {"loop": {"steps": 2}})
