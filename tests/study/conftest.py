"""Lets the tests of this folder import what lies beside them, and builds one small study for all of them."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from small_clips import REFERENCE_FOLDER, SYSTEMS, write_clips

from cmmd.study.build import BuildOptions, Built, build


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A folder a system, and the reference."""
    folder = tmp_path_factory.mktemp("clips")
    names = {**{name: name for name in SYSTEMS}, "reference": REFERENCE_FOLDER}
    return {name: write_clips(folder / at, seed=seed) for seed, (name, at) in enumerate(names.items())}


@pytest.fixture(scope="session")
def built(clips: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A study of two systems, the ceiling and the floor."""
    systems = {name: clips[name] for name in SYSTEMS}
    options = BuildOptions(systems=systems, reference=clips["reference"], pairs=4, ratings=3, headphones=3, checks=1)
    return build(tmp_path_factory.mktemp("study") / "page", options)
