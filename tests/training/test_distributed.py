"""Several processes: the losses of one, checkpoints that any number goes on from, and death at any moment."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from safetensors.torch import load_file

from cmmd.training.log import read_log
from cmmd.training.state import checkpoints

SCRIPT = Path(__file__).with_name("small_run.py")
STEPS = 8


def run(out: Path, *words: str, processes: int = 1) -> int:
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    command = [sys.executable, *(launch if processes > 1 else []), str(SCRIPT), str(out), *words]
    return subprocess.run(command, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True).returncode


def same_result(a: Path, b: Path) -> bool:
    """Whether two runs ended in the same averaged weights."""
    one, other = (load_file(out / "result.safetensors") for out in (a, b))
    return all((one[name] - other[name]).abs().max() < 1e-3 for name in one)


def losses(out: Path) -> list[float]:
    return [line["loss"] for line in read_log(out / "log.jsonl") if "step" in line]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("alone")
    assert run(out) == 0
    assert len(losses(out)) == STEPS
    return out


def test_two_processes_have_the_losses_and_weights_of_one(alone, tmp_path):
    assert run(tmp_path, processes=2) == 0
    assert losses(tmp_path) == pytest.approx(losses(alone), rel=1e-4)
    assert same_result(alone, tmp_path)
    assert [line["processes"] for line in read_log(tmp_path / "log.jsonl") if "processes" in line] == [2]


def test_two_processes_go_on_from_a_killed_run_of_one(alone, tmp_path):
    assert run(tmp_path, "--die-at", "4") == -signal.SIGKILL
    assert len(losses(tmp_path)) == 4
    assert run(tmp_path, "--resume", processes=2) == 0
    assert losses(tmp_path) == pytest.approx(losses(alone), rel=1e-4)


def test_killed_while_saving_it_goes_on_from_a_whole_checkpoint(alone, tmp_path):
    process = subprocess.Popen([sys.executable, str(SCRIPT), str(tmp_path)], stderr=subprocess.DEVNULL)
    # Every step is saved: once two are there, the next half-written one is seen and the process killed over it.
    while process.poll() is None:
        if len(checkpoints(tmp_path)) >= 2 and any(tmp_path.glob(".step-*.partial")):
            process.send_signal(signal.SIGKILL)
            break
        time.sleep(0.0002)
    assert process.wait() == -signal.SIGKILL
    assert any(tmp_path.glob(".step-*.partial")), "the kill came after the save"
    assert run(tmp_path, "--resume") == 0
    assert losses(tmp_path) == losses(alone)


def test_processes_that_share_the_weights_train_as_one_does(alone, tmp_path):
    """FSDP2 equals DDP, which equals one process; its checkpoint of shares goes on in one process that has them all."""
    assert run(tmp_path, "--share-weights", "--die-at", "4", processes=2) != 0
    assert len(losses(tmp_path)) == 4
    assert sorted(path.name for path in checkpoints(tmp_path)[-1].iterdir()) == [
        ".metadata",
        "__0_0.distcp",
        "__1_0.distcp",
    ]
    halfway = tmp_path / "halfway"
    shutil.copytree(tmp_path, halfway)
    assert run(tmp_path, "--share-weights", "--resume", processes=2) == 0
    assert losses(tmp_path) == pytest.approx(losses(alone), rel=1e-4)
    assert same_result(alone, tmp_path)
    assert run(halfway, "--resume") == 0
    assert losses(halfway) == pytest.approx(losses(alone), rel=1e-4)
    assert same_result(alone, halfway)


def test_processes_that_share_the_weights_go_on_from_one_that_has_them_all(alone, tmp_path):
    assert run(tmp_path, "--die-at", "4") == -signal.SIGKILL
    assert run(tmp_path, "--share-weights", "--resume", processes=2) == 0
    assert losses(tmp_path) == pytest.approx(losses(alone), rel=1e-4)
    assert same_result(alone, tmp_path)
