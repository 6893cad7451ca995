"""Strict JSON for untrusted files: no duplicate keys, no NaN; every error is one line (ours)."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from cmmd.errors import InputError
from cmmd.files.foreign_files import read_text, reading

LONGEST_NUMBER = 100
"""Largest number of digits of an integer; a much longer one could not even be printed in an error message."""


def parse_json(text: str, source: str | Path, *, expected: str) -> Any:
    """Parses a JSON text. Raises InputError, naming `source`, for invalid JSON, duplicate keys, NaN and integers of
    more than `LONGEST_NUMBER` digits."""
    with reading(source, expected=expected):
        return json.loads(text, object_pairs_hook=_object, parse_constant=_constant, parse_int=_integer)


def read_json(path: Path, *, expected: str) -> Any:
    """Parses a JSON file. Raises InputError as `parse_json`, and for a file that cannot be read."""
    return parse_json(read_text(path, expected=expected), path, expected=expected)


def read_json_object(path: Path, *, expected: str) -> dict[str, Any]:
    """Like `read_json`; also raises InputError if the value is not an object."""
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
    """Rejects NaN. Infinities are accepted, because a scheduler's settings may hold -Infinity."""
    if name == "NaN":
        raise ValueError("NaN, which is no number")
    return float(name)
