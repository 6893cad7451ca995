"""JSON as anybody may have written it: no key twice, no number that is none; what is wrong is one line (ours)."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from cmmd.errors import InputError
from cmmd.foreign_files import read_text, reading

LONGEST_NUMBER = 100
"""Digits: a longer one could not even be told in an error message."""


def parse_json(text: str, source: str | Path, *, expected: str) -> Any:
    """The value of a text. Raises InputError that names its source."""
    with reading(source, expected=expected):
        return json.loads(text, object_pairs_hook=_object, parse_constant=_constant, parse_int=_integer)


def read_json(path: Path, *, expected: str) -> Any:
    """The value of a file. Raises InputError for one that is missing or holds something else."""
    return parse_json(read_text(path, expected=expected), path, expected=expected)


def read_json_object(path: Path, *, expected: str) -> dict[str, Any]:
    """As `read_json`, for a file that holds an object."""
    values = read_json(path, expected=expected)
    if not isinstance(values, dict):
        raise InputError.about(path, found=f"JSON of another kind ({type(values).__name__})", expected=expected)
    return values


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        key, _ = Counter(key for key, _ in pairs).most_common(1)[0]
        raise ValueError(f"the key {key!r:.60} twice")
    return values


def _integer(text: str) -> int:
    if len(text) > LONGEST_NUMBER:
        raise ValueError(f"a number of {len(text)} digits")
    return int(text)


def _constant(name: str) -> float:
    """A scheduler's settings may hold -Infinity."""
    if name == "NaN":
        raise ValueError("NaN, which is no number")
    return float(name)
