"""The report into its folder: `report.html` and `report.md`, each appearing when it is complete (ours)."""

from pathlib import Path

from cmmd.evaluation.record import Record
from cmmd.evaluation.report.markdown import markdown_report
from cmmd.evaluation.report.page import html_report
from cmmd.output_folder import make_folder
from cmmd.unfinished_file import written_beside

PAGE, TABLES = "report.html", "report.md"


def write_report(record: Record, folder: Path) -> Path:
    """Write both into the folder that the record's files are relative to; the path of the page.

    Raises InputError where the folder cannot be written to. The same record and files give the same bytes.
    """
    make_folder(folder)
    for name, text in ((PAGE, html_report(record, folder)), (TABLES, markdown_report(record))):
        with written_beside(folder / name) as beside:
            beside.write_text(text, encoding="utf-8", errors="backslashreplace")  # names may be no UTF-8
    return folder / PAGE
