"""Writes the report, `report.html` and `report.md`, each atomically (ours)."""

from pathlib import Path

from cmmd.evaluation.record.schema import Record
from cmmd.evaluation.report.markdown import markdown_report
from cmmd.evaluation.report.page import html_report
from cmmd.files.output_folder import make_folder
from cmmd.files.unfinished_file import atomic_file

PAGE, TABLES = "report.html", "report.md"


def write_report(record: Record, folder: Path) -> Path:
    """Writes both files and returns the path of the page. folder: file names of the record are relative to it.

    The output is deterministic for the same record and files. Raises InputError if the folder cannot be written to.
    """
    make_folder(folder)
    for name, text in ((PAGE, html_report(record, folder)), (TABLES, markdown_report(record))):
        with atomic_file(folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8", errors="backslashreplace")  # file names may not be valid UTF-8
    return folder / PAGE
