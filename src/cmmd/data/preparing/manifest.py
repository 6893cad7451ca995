"""A table of clips, CSV or JSON lines: file, and as wanted start, end, label, split, group, sound (ours)."""

import csv
import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cmmd.data.preparing.request import SPLITS, ClipRequest, Listing, require_disjoint
from cmmd.errors import InputError

COLUMNS = ("file", "start", "end", "label", "split", "group", "sound")


def list_manifest(path: Path, *, seconds: float) -> Listing:
    """A request a row, or several of `seconds` one after the other where start and end leave room for them.

    Files are relative to the manifest's folder. Without a start a row means the whole file; without a group, rows of
    one file are one. Raises InputError naming the row.
    """
    requests: list[ClipRequest] = []
    names: dict[str, int] = {}
    for where, row in _rows(path):
        name = str(row["file"])
        names[name] = names.get(name, 0) + 1
        shared: dict[str, Any] = {
            "file": path.parent / name,
            "group": str(row.get("group") or name),
            "split": _split(row.get("split"), where),
            "labels": (str(row["label"]),) if row.get("label") else (),
            "sound": path.parent / str(row["sound"]) if row.get("sound") else None,
        }
        start, end = (_number(row.get(key), f"{where}: {key}") for key in ("start", "end"))
        if start is None and end is None:
            requests.append(ClipRequest(name=f"{name}#{names[name] - 1}" if names[name] > 1 else name, **shared))
            continue
        start = start or 0.0
        if end is not None and end <= start:
            raise InputError(f"{where}: start is {start:g} and end {end:g}, expected a later end")
        count = 1 if end is None else max(1, math.floor((end - start) / seconds + 1e-6))
        for part in range(count):
            requests.append(
                ClipRequest(name=f"{name}#{names[name] - 1}.{part}", start=start + part * seconds, **shared)
            )
    require_disjoint(requests, path)
    return Listing(path.parent, tuple(sorted(requests, key=lambda request: request.name)))


def _rows(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as text ({error})") from error
    rows = _csv_rows(text) if path.suffix.lower() == ".csv" else _json_rows(text, path)
    found = False
    for number, row in rows:
        where = f"{path} line {number}"
        unknown = sorted(set(map(str, row)) - set(COLUMNS))
        if unknown or not row.get("file"):
            problem = f"the columns {', '.join(unknown)}" if unknown else "no file"
            raise InputError(f"{where}: found {problem}, expected some of {', '.join(COLUMNS)}")
        found = True
        yield where, row
    if not found:
        raise InputError(f"{path}: found no rows, expected one a clip")


def _csv_rows(text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    yield from enumerate(csv.DictReader(text.splitlines()), start=2)


def _json_rows(text: str, path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise InputError(f"{path} line {number}: is not JSON ({error.msg})") from error
        if not isinstance(row, dict):
            raise InputError(f"{path} line {number}: found {line[:40]}, expected an object")
        yield number, row


def _number(value: Any, where: str) -> float | None:
    if value is None or value == "":
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not 0 <= number < math.inf:
        raise InputError(f"{where} is {value!r}, expected seconds of 0 or more")
    return number


def _split(value: Any, where: str) -> Any:
    if value is None or value == "":
        return None
    if value not in SPLITS:
        raise InputError(f"{where}: split is {value!r}, expected one of {', '.join(SPLITS)}")
    return value
