"""Kill -9 at file operations of a run with three saves, of a preparation, and of a folder that is generated for: given
again, they end bit for bit alike.

Every n-th operation here, all of them with CMMD_KILL_EVERY=1 (minutes).
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parent / "killing.py"


def killed(command: str, folder: Path, *more: str, every: int) -> dict[str, Any]:
    search = os.pathsep.join(str(path) for path in sys.path if path)
    environment = os.environ | {"PYTHONPATH": search, "OMP_NUM_THREADS": "1"}
    every = int(os.environ.get("CMMD_KILL_EVERY", every))
    words = [sys.executable, str(SCRIPT), command, str(folder), "--every", str(every), *more]
    run = subprocess.run(words, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(run.stdout)


@pytest.mark.slow
def test_a_training_that_is_killed_anywhere_goes_on_to_the_same_files(tmp_path):
    found = killed("train", tmp_path, every=60)
    # Three saves of four files, config, log, two pictures and a model, each made, flushed and renamed.
    assert found["differences"] == [] and found["operations"] > 100 and found["kills"] >= 3 and found["files"] > 15


@pytest.mark.slow
def test_a_preparation_that_is_killed_anywhere_goes_on_to_the_same_files(tmp_path):
    found = killed("prepare", tmp_path, every=15)
    assert found["differences"] == [] and found["operations"] > 30 and found["kills"] >= 3 and found["files"] == 5


@pytest.mark.slow
def test_a_folder_that_is_killed_anywhere_goes_on_to_the_same_files(model_folder, tmp_path):
    found = killed("generate", tmp_path / "work", "--model", str(model_folder), every=24)
    # Two takes of three clips, each made, flushed and renamed, a record, and a folder in which they grow.
    assert found["differences"] == [] and found["operations"] > 30 and found["kills"] >= 3 and found["files"] == 7
