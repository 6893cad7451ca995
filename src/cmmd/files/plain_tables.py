"""Reads hand-written tables, CSV or JSON lines: rows by column, each with its file and line for messages (ours)."""

import csv
import io
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from cmmd.errors import InputError
from cmmd.files.foreign_files import read_text, reading
from cmmd.files.plain_json import parse_json


class Row(NamedTuple):
    """where: file and line. values: by column, strings in CSV; a short CSV row lacks its last columns."""

    where: str
    values: dict[str, Any]


def read_table(path: Path, *, expected: str) -> list[Row]:
    """Returns the rows of a .csv file, or of a file of JSON lines with any other suffix.

    Raises InputError, naming the file or line, for invalid CSV or JSON, a duplicate column, a row with more cells than
    columns, and a JSON line that is not an object.
    """
    text = read_text(path, expected=expected)
    with reading(path, expected=expected):
        rows = _csv_rows if path.suffix.lower() == ".csv" else _json_rows
        return list(rows(text, path, expected))


def _csv_rows(text: str, path: Path, expected: str) -> Iterator[Row]:
    # strict: otherwise an unclosed quote would turn the rest of the file into one cell.
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    columns = next(reader, [])
    if len(set(columns)) < len(columns):
        twice, _ = Counter(columns).most_common(1)[0]
        raise InputError.about(path, found=f"the column {twice!r:.60} twice", expected=expected)
    for cells in reader:
        if not any(cell.strip() for cell in cells):
            continue
        where = f"{path} line {reader.line_num}"
        if len(cells) > len(columns):
            found = f"{len(cells)} cells for {len(columns)} columns"
            raise InputError.about(where, found=found, expected="a cell a column")
        yield Row(where, dict(zip(columns, cells, strict=False)))


def _json_rows(text: str, path: Path, expected: str) -> Iterator[Row]:
    # Not splitlines: a JSON string may contain other line separators unescaped.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        where = f"{path} line {number}"
        values = parse_json(line, where, expected=expected)
        if not isinstance(values, dict):
            raise InputError.about(where, found=f"{line[:40]}", expected="an object")
        yield Row(where, values)
