"""Lets the tests of this folder import `flashing_clips`, which lies beside them, and draws a report for all."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def report_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small record's media and its report; to be read only."""
    from flashing_clips import small_record, write_media

    from cmmd.evaluation.report.writing import write_report

    folder = tmp_path_factory.mktemp("report")
    write_media(small_record(), folder)
    write_report(small_record(), folder)
    return folder


@pytest.fixture(scope="session")
def page(report_folder: Path) -> str:
    return (report_folder / "report.html").read_text(encoding="utf-8")
