"""Reads published CSV files of annotations and checks their columns (ours)."""

from collections.abc import Sequence
from pathlib import Path

from cmmd.errors import InputError
from cmmd.files.plain_tables import Row, read_table


def read_annotation_table(path: Path, columns: Sequence[str]) -> list[Row]:
    """Returns the rows in file order. Raises InputError for an invalid or empty table and a row that lacks a column."""
    expected = f"the columns {', '.join(columns)}"
    rows = read_table(path, expected=expected)
    if not rows:
        raise InputError.about(path, found="no rows", expected=expected)
    for where, values in rows:
        missing = [column for column in columns if column not in values]
        if missing:
            raise InputError.about(where, found=f"no {', '.join(missing)}", expected=expected)
    return rows
