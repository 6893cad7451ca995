"""A table of clips, CSV or JSON lines: file, and optionally start, end, label, split, group, sound (ours)."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from cmmd.data.preparing.request import LONGEST, SPLITS, ClipRequest, Listing, Split, check_number, require_disjoint
from cmmd.data.preparing.stretches import stretches_held
from cmmd.errors import InputError
from cmmd.files.foreign_files import reading
from cmmd.files.plain_tables import read_table

COLUMNS = ("file", "start", "end", "label", "split", "group", "sound")


class ManifestRow(NamedTuple):
    """One row. where: file and line, for messages. file, sound: relative to the manifest's folder. start, end: seconds,
    or None if not given."""

    where: str
    file: str
    start: float | None
    end: float | None
    label: str
    split: Split | None
    group: str
    sound: str | None


def list_manifest(path: Path, *, seconds: float) -> Listing:
    """Lists one request per row, or several consecutive ones of `seconds` each if they fit between start and end.

    Files are relative to the manifest's folder. A row without start and end means the whole file. Without a group, the
    rows of a file form one. Raises InputError, naming the row, for an invalid row; also when a group is in two splits,
    there are too many clips (`check_number`), or the table is empty or unreadable.
    """
    requests: list[ClipRequest] = []
    skipped: list[tuple[str, str]] = []
    names: dict[str, int] = {}
    for row in manifest_rows(path):
        name, end = row.file, row.end
        names[name] = names.get(name, 0) + 1
        shared: dict[str, Any] = {
            "file": path.parent / name,
            "group": row.group or name,
            "split": row.split,
            "labels": (row.label,) if row.label else (),
            "sound": None if row.sound is None else path.parent / row.sound,
        }
        if row.start is None and end is None:
            requests.append(ClipRequest(name=f"{name}#{names[name] - 1}" if names[name] > 1 else name, **shared))
            continue
        start = row.start or 0.0
        count = 1 if end is None else max(1, math.floor((end - start) / seconds + 1e-6))
        held = stretches_held(shared["file"], count, start=start, seconds=seconds)
        if held < count:
            skipped.append((f"{name}#{names[name] - 1}", f"{count - held} stretches beyond the end of its file"))
        check_number(len(requests) + held, path)
        for part in range(held):
            requests.append(
                ClipRequest(name=f"{name}#{names[name] - 1}.{part}", start=start + part * seconds, **shared)
            )
    require_disjoint(requests, path)
    return Listing(path.parent, tuple(sorted(requests, key=lambda request: request.name)), tuple(skipped))


def manifest_rows(path: Path) -> Iterator[ManifestRow]:
    """Yields the rows of a manifest. Raises InputError that names the invalid row, or the file if it is empty or
    unreadable."""
    columns = f"some of {', '.join(COLUMNS)}"
    rows = read_table(path, expected=f"a table of clips with {columns}")
    for where, row in rows:
        unknown = sorted(set(row) - set(COLUMNS))
        if unknown or not row.get("file"):
            problem = f"the columns {', '.join(unknown)}" if unknown else "no file"
            raise InputError.about(where, found=f"{problem:.200}", expected=columns)
        start, end = (_number(row.get(key), f"{where}: {key}") for key in ("start", "end"))
        if end is not None and end <= (start or 0.0):
            raise InputError(f"{where}: start is {start or 0.0:g} and end {end:g}, expected a later end")
        yield ManifestRow(
            where=where,
            file=_file(row["file"], where),
            start=start,
            end=end,
            label=_text(row["label"], where) if row.get("label") else "",
            split=_split(row.get("split"), where),
            group=_text(row.get("group"), where),
            sound=_file(row["sound"], where) if row.get("sound") else None,
        )
    if not rows:
        raise InputError(f"{path}: found no rows, expected one a clip")


def _file(value: Any, where: str) -> str:
    """Checks a path. It may lead out of the manifest's folder, because the file is only read."""
    if not isinstance(value, str) or "\0" in value:
        raise InputError.about(where, found=f"the file {value!r:.60}", expected="a path")
    return value


def _text(value: Any, where: str) -> str:
    if value is not None and not isinstance(value, str | int | float):
        raise InputError.about(where, found=f"{value!r:.60}", expected="a text")
    return "" if value is None else str(value)


def _number(value: Any, where: str) -> float | None:
    if value is None or value == "":
        return None
    expected = f"seconds of 0 or more, {LONGEST} at most"
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise InputError(f"{where} is {value!r:.60}, expected {expected}")
    with reading(where, expected=expected):
        number = float(value)
    if not 0 <= number <= LONGEST:
        raise InputError(f"{where} is {value!r:.60}, expected {expected}")
    return number


def _split(value: Any, where: str) -> Any:
    if value is None or value == "":
        return None
    if value not in SPLITS:
        raise InputError(f"{where}: split is {value!r:.60}, expected one of {', '.join(SPLITS)}")
    return value
