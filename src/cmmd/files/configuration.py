"""Configurations: dataclasses, overridden by a YAML file and `--set a.b=c`; all mistakes are reported at once (ours).

A recipe returns a frozen dataclass whose defaults are the recipe; nested dataclasses group its settings. Files and
overrides only replace values of that object, so a configuration is always complete and can be written back as YAML.
Inline groups (inline_groups.py) are not seen: files and overrides name their fields at the level of the parent.
"""

import copy
import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import yaml
from pydantic import ConfigDict, ValidationError, create_model

from cmmd.errors import InputError
from cmmd.files.foreign_files import read_text
from cmmd.files.inline_groups import Tree, as_dict
from cmmd.files.plain_yaml import read_yaml

Config = TypeVar("Config")
RECIPE = "recipe"
"""Top-level key of a file that names the recipe of its settings; it is not a setting itself."""


class Layer(NamedTuple):
    """Values that replace those of a configuration, and the name of their source for messages."""

    source: str
    values: dict[Any, Any]  # as written by the user: keys may be of any type


def resolve(config: Config, *, file: Path | None = None, overrides: Sequence[str] = ()) -> Config:
    """Returns the configuration with values replaced by those of a YAML file, then by `key.subkey=value` overrides.

    Override values are read as YAML. Raises InputError with one line for every unknown key and every bad value.
    """
    problems: list[str] = []
    layers: list[Layer] = []
    values = as_dict(config)
    readers = [partial(_read_file, file)] if file is not None else []
    for read in [*readers, *(partial(_read_override, text) for text in overrides)]:
        try:
            layers.append(read())
        except InputError as error:
            problems.append(str(error))
        else:
            problems += _lay_over(values, layers[-1].values, layers[-1].source)
    try:
        resolved = _validated(type(config), values)
    except ValidationError as error:
        problems += [_explained(problem, values, layers) for problem in error.errors(include_url=False)]
    else:
        if not problems:
            return resolved
    raise InputError("\n".join(dict.fromkeys(problems)))


def to_yaml(config: object) -> str:
    """Returns the configuration as YAML text; `resolve` reads it back as an equal configuration."""
    return yaml.safe_dump(as_dict(config), sort_keys=False, allow_unicode=True)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Returns the end of an error message: `; did you mean ...?` with the nearest known word, or an empty string."""
    nearest = difflib.get_close_matches(word, sorted(known), n=1)
    return f"; did you mean {nearest[0]!r}?" if nearest else ""


def read_settings(file: Path) -> tuple[str | None, dict[Any, Any]]:
    """Returns the recipe that a YAML file names, or None, and its settings.

    Raises InputError for a file that cannot be read, is not a YAML mapping, or has a recipe that is not a name.
    """
    values = read_yaml(read_text(file, expected="KEY: VALUE lines"), str(file))
    if values is None:  # an empty file, or one of comments only
        values = {}
    if not isinstance(values, dict):
        raise InputError(f"{file}: found {_shown(values)}, expected KEY: VALUE lines")
    recipe = values.pop(RECIPE, None)
    if not isinstance(recipe, str | None):
        raise InputError(f"{file}: recipe is {_shown(recipe)}, expected a name")
    return recipe, values


def _read_file(file: Path) -> Layer:
    return Layer(str(file), read_settings(file)[1])


def _read_override(text: str) -> Layer:
    source = f"--set {text}"
    key, equals, value = text.partition("=")
    path = key.strip().split(".")
    if not equals or not all(path):
        raise InputError(f"{source}: expected KEY=VALUE or KEY.SUBKEY=VALUE")
    values = read_yaml(value, source, what="the value is not YAML")
    for name in reversed(path):
        values = {name: values}
    return Layer(source, values)


def _lay_over(below: Tree, above: dict[Any, Any], source: str, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Replaces values in `below`, in place. Yields a message for each key that is not a string and for each group of
    settings that `above` replaces with a single value."""
    for key, value in above.items():
        name = ".".join((*path, str(key)))
        here = below.get(key)
        if not isinstance(key, str):
            yield f"{source}: found the key {name!r}, expected a name"
        elif isinstance(here, dict) and isinstance(value, dict):
            yield from _lay_over(here, value, source, (*path, key))
        elif isinstance(here, dict) and here and value is not None:
            yield f"{source}: {name} is a group of settings ({', '.join(here)}), found {_shown(value)}"
        else:
            below[key] = copy.deepcopy(value)  # later layers write into the copy; this layer must not change


def _validated(kind: type[Config], values: Tree) -> Config:
    # The ConfigDict of the wrapping model applies to all dataclasses inside it; configuration classes need none.
    model = create_model("Configuration", __config__=ConfigDict(extra="forbid"), root=(kind, ...))
    return model.model_validate({"root": values}).root  # pyright: ignore[reportAttributeAccessIssue]


def _explained(problem: Mapping[str, Any], values: Tree, layers: Sequence[Layer]) -> str:
    """Returns one line: the source of the value, its key, and what is wrong with it."""
    path = tuple(problem["loc"][1:])  # the first entry is `root` of the wrapping model
    key = ".".join(map(str, path))
    setters = [layer.source for layer in layers if _at(layer.values, path) is not _ABSENT]
    where = ": ".join([*setters[-1:], *([key] if key else [])]) or "configuration"
    if problem["type"] == "unexpected_keyword_argument":
        siblings = _at(values, path[:-1])
        known = set(siblings) - {path[-1]} if isinstance(siblings, dict) else set()
        return f"{where}: no such setting{did_you_mean(str(path[-1]), known)}"
    message = problem["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    if problem["type"] in ("value_error", "assertion_error"):  # messages of our own checks already contain the values
        return f"{where}: {_one_line(message)}"
    return f"{where}: {_one_line(message)}, found {_shown(problem['input'])}"


_ABSENT = object()


def _at(tree: Any, path: Sequence[str | int]) -> Any:
    for step in path:
        try:
            tree = tree[step]
        except (KeyError, IndexError, TypeError):
            return _ABSENT
    return tree


def _shown(value: Any) -> str:
    text = _one_line(repr(value))
    return text if len(text) <= 80 else f"{text[:77]}..."


def _one_line(text: object) -> str:
    return " ".join(str(text).split())
