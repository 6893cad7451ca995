"""A published CSV file of annotations: the rows, with the columns that are needed (ours)."""

import csv
from collections.abc import Sequence
from pathlib import Path

from cmmd.errors import InputError


def read_annotation_table(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """The rows in order. Raises InputError for a file that is no such table, and for a row that ends too early."""
    try:
        rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as text ({error})") from error
    missing = [column for column in columns if not rows or column not in rows[0]]
    if missing:
        raise InputError(f"{path}: found no {', '.join(missing)}, expected the columns {', '.join(columns)}")
    for number, row in enumerate(rows, start=2):
        empty = [column for column in columns if row[column] is None]
        if empty:
            raise InputError(f"{path} line {number}: found no {', '.join(empty)}, expected a value in every column")
    return rows
