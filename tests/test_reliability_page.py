"""docs/reliability.md: every promise names tests that are there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\|.*\| *([^|]*\.py[^|]*)\|$", PAGE, flags=re.M)


def test_every_row_names_tests_that_are_there():
    assert len(ROWS) > 40
    for row in ROWS:
        for name in row.split(","):
            path = ROOT / name.strip() if name.strip().startswith("benchmarks/") else ROOT / "tests" / name.strip()
            assert path.is_file(), name
