"""A published CSV file of annotations: the rows, with the columns that are needed (ours)."""

from collections.abc import Sequence
from pathlib import Path

from cmmd.errors import InputError
from cmmd.plain_tables import Row, read_table


def read_annotation_table(path: Path, columns: Sequence[str]) -> list[Row]:
    """The rows in order. Raises InputError for a file that is no such table, and for a row that ends too early."""
    expected = f"the columns {', '.join(columns)}"
    rows = read_table(path, expected=expected)
    if not rows:
        raise InputError.about(path, found="no rows", expected=expected)
    for place, values in rows:
        missing = [column for column in columns if column not in values]
        if missing:
            raise InputError.about(place, found=f"no {', '.join(missing)}", expected=expected)
    return rows
