"""docs/training.md: every setting of a recipe stands in its table, with the default that the code has."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from cmmd.files.inline_groups import as_dict
from cmmd.recipes.coupled import CoupledRecipe
from cmmd.training.run_folder import CHANGEABLE

PAGE = (Path(__file__).parents[1] / "docs" / "training.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `([a-z_.0-9]+)` \|(.*?)\|.*?\|.*?\|$", re.MULTILINE)


def flat(settings: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in settings.items():
        values |= flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return values


def documented(text: str) -> Any:
    """`none`, a name in backticks, or a value as YAML writes it."""
    return None if text == "none" else yaml.safe_load(text.strip("`"))


SETTINGS = flat(as_dict(CoupledRecipe()))
ROWS = {name: documented(default.strip()) for name, default in ROW.findall(PAGE)}


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_is_explained_with_its_default(name):
    assert name in ROWS, f"{name} is not in the table"
    assert ROWS[name] == SETTINGS[name]


def test_nothing_is_explained_that_is_not_there():
    assert set(ROWS) <= set(SETTINGS)


def test_what_a_resumed_run_may_change_is_told():
    told = re.search(r"These settings may\nchange: (.*?)\. Any other", PAGE, re.DOTALL)
    assert told is not None
    names = {name.removeprefix("loop.") for name in re.findall(r"`([a-z_.]+)`", told.group(1))}
    assert names == {name.removeprefix("loop.") for name in CHANGEABLE}
