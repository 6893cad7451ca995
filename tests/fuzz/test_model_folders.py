"""Spoilt model folders: each works, or is refused in a line, and costs no memory before that."""

import shutil
import warnings
from functools import partial
from pathlib import Path
from random import Random

import pytest
from spoiling import TIMES
from spoilt_models import make_model, spoil, use
from watching import MEMORY, Watched, limit_memory, watched

from cmmd.pipeline import CMMDPipeline
from cmmd.runtime.worker_processes import Workers

pytestmark = pytest.mark.slow

MUTANTS = 120 * TIMES
LOADED = 200
"""MB above the process with a whole model: the most that a refused folder may ask for."""


def attempt(folder: Path) -> Watched:
    """In a worker."""
    limit_memory()
    warnings.simplefilter("ignore")
    return watched(partial(use, folder))


@pytest.fixture(scope="module")
def original(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "model"
    make_model(folder)
    return folder


def test_a_spoilt_model_folder_works_or_is_refused(tmp_path, original):
    folders = [original]
    for seed in range(MUTANTS):
        folders.append(tmp_path / f"{seed}" / "model")
        shutil.copytree(original, folders[-1])
        spoil(folders[-1], Random(seed))
    with Workers(attempt, count=1, seconds=60) as workers:
        outcomes = list(zip(folders, workers.map(folders), strict=True))
    defects = [f"{folder.parent.name}: {found}" for folder, found in outcomes if not isinstance(found, Watched)]
    assert not defects, "\n".join(defects)
    used = [(folder, found) for folder, found in outcomes if isinstance(found, Watched)]
    whole = used[0][1]
    assert whole.told is None
    heavy = [
        f"{folder.parent.name}: {found}" for folder, found in used if found.peak > min(MEMORY, whole.peak + LOADED)
    ]
    assert not heavy, "\n".join(heavy)
    refused = sum(found.told is not None for _, found in used)
    assert 0.5 < refused / MUTANTS < 0.95
    spent = sum(found.seconds for _, found in used)
    peak = max(found.peak for _, found in used)
    print(f"{MUTANTS} mutants, {refused} refused, largest peak {peak:.0f} MB, {spent:.0f} s")


def test_the_whole_folder_is_a_model(original):
    assert CMMDPipeline.from_pretrained(original).geometry.frames == 4
