"""The key of a study: what every opaque id of its page stands for, kept by who runs it and never published (ours)."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from cmmd.errors import InputError
from cmmd.study.plan import Medium, Trial
from cmmd.unfinished_file import written_beside


@dataclass(frozen=True, kw_only=True, slots=True)
class Key:
    """All that the page hides. study: the id that page, key and answers share. headphones: trials of that check."""

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
    """Beside what is published, so that publishing all of that cannot give the key away."""
    return page.with_name(f"{page.name.removesuffix('.html')}.key.json")


def write_key(key: Key, out: Path) -> None:
    """Write the key as JSON. Raises InputError if it cannot be written."""
    with written_beside(out) as beside:
        beside.write_text(json.dumps(asdict(key), indent=1) + "\n", encoding="utf-8")


def read_key(file: Path) -> Key:
    """Read a key. Raises InputError for a file that is none."""
    try:
        return TypeAdapter(Key).validate_json(file.read_bytes())
    except OSError as error:
        raise InputError.about(file, found=f"nothing to read ({error.strerror})", expected="a study's key") from error
    except ValidationError as error:
        raise InputError.about(file, found=first_problem(error), expected="the key that `study build` wrote") from error


def first_problem(error: ValidationError) -> str:
    """Where the first mistake is, and what."""
    problem = error.errors(include_url=False, include_context=False)[0]
    where = ".".join(map(str, problem["loc"]))
    return f"{where + ': ' if where else ''}{problem['msg'].lower()}"
