"""The paper map: every import path in docs/paper_map.md leads to something."""

import re
from pathlib import Path
from pkgutil import resolve_name

import pytest

MAP = Path(__file__).parents[1] / "docs" / "paper_map.md"
PATHS = sorted(set(re.findall(r"`(cmmd(?:\.\w+)+)`", MAP.read_text(encoding="utf-8"))))


def test_the_map_has_paths() -> None:
    assert len(PATHS) >= 10


@pytest.mark.parametrize("path", PATHS)
def test_a_path_of_the_map_resolves(path: str) -> None:
    assert resolve_name(path) is not None
