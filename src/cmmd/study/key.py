"""The key of a study: the meaning of every opaque id of its page; it must not be published (ours)."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter

from cmmd.errors import InputError
from cmmd.files.foreign_files import reading
from cmmd.files.plain_json import read_json
from cmmd.files.unfinished_file import atomic_file
from cmmd.study.plan import Medium, Trial
from cmmd.study.questions import QUESTIONS

MOST_HEADPHONES = 24
"""Largest number of headphone trials that `cmmd study build` accepts."""
MOST_SYSTEMS = 50
"""50 systems form 1,225 pairs, with one matrix of answers per pair and question."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Key:
    """Everything that the page hides. study: id shared by page, key and answers. headphones: number of trials."""

    format: Literal["cmmd study key 1"] = "cmmd study key 1"
    study: str
    title: str
    questions: tuple[str, ...]
    systems: tuple[str, ...]
    items: tuple[str, ...]
    headphones: int
    forced: bool
    media: dict[str, Medium]
    trials: dict[str, Trial]
    provenance: dict[str, Any]


def key_file(page: Path) -> Path:
    """Returns the path of the key. It is outside the page's folder, so that publishing the folder excludes the key."""
    return page.with_name(f"{page.name.removesuffix('.html')}.key.json")


def write_key(key: Key, out: Path) -> None:
    """Write the key as JSON. Raises InputError if it cannot be written."""
    with atomic_file(out) as temporary:
        temporary.write_text(json.dumps(asdict(key), indent=1) + "\n", encoding="utf-8")


def read_key(file: Path) -> Key:
    """Read a key. Raises InputError if the file is not a key or its content is inconsistent."""
    expected = "the key that `study build` wrote"
    values = read_json(file, expected=expected)
    with reading(file, expected=expected):
        key = TypeAdapter(Key).validate_python(values)
    if problem := _problem(key):
        raise InputError.about(file, found=problem, expected=expected)
    return key


def _problem(key: Key) -> str | None:
    """Describes the first inconsistency; None if the key is consistent."""
    if unknown := [question for question in key.questions if question not in QUESTIONS]:
        return f"the question {unknown[0]!r:.60}"
    if len(key.systems) > MOST_SYSTEMS:
        return f"{len(key.systems)} systems"
    if not 0 <= key.headphones <= MOST_HEADPHONES:
        return f"{key.headphones} trials of the headphone check"
    for name, trial in key.trials.items():
        count = 2 if trial.kind == "pair" else 1
        if len(trial.media) != count or not set(trial.media) <= key.media.keys():
            return f"in trial {name} the clips {', '.join(trial.media)}"
        if trial.asks_for is None and (
            trial.item not in key.items or len(set(trial.systems)) != count or not set(trial.systems) <= {*key.systems}
        ):
            return f"in trial {name} {trial.item!r} of {', '.join(trial.systems)}"
    return None
