"""Runs that end before their time: a full disk, damage, a termination, another run; one line, and they go on."""

import json
import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from full_disk import files_of_at_most
from line import fit, line, weights
from safetensors.torch import load_file, save_file
from torch import nn

from cmmd.errors import InputError
from cmmd.files.inline_groups import replaced
from cmmd.training.log import Log, read_log
from cmmd.training.loop_config import LoopConfig, OptimizerConfig, ReportsConfig
from cmmd.training.run import run_training
from cmmd.training.state import TrainingState, checkpoints

LOOP = LoopConfig(
    steps=4,
    batch_size=8,
    optimizer=OptimizerConfig(learning_rate=1e-1, warmup=2),
    reports=ReportsConfig(save_every=2, log_every=1),
)


@dataclass(frozen=True)
class Settings:
    """As a recipe has them."""

    loop: LoopConfig


def run(out: Path, *, steps: int = 4, resume: bool = False) -> nn.Module:
    loop = replaced(LOOP, steps=steps, schedule="constant")
    return run_training(line(), fit(), loop=loop, config=Settings(loop), out=out, resume=resume)


def names(out: Path) -> list[str]:
    return sorted(path.name for path in out.iterdir())


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of four steps, with checkpoints 2 and 4."""
    out = tmp_path_factory.mktemp("runs") / "stopped"
    run(out)
    return out


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> list[torch.Tensor]:
    """The weights after six steps without a stop."""
    return weights(run(tmp_path_factory.mktemp("runs") / "whole", steps=6))


@pytest.fixture
def out(stopped, tmp_path) -> Path:
    return shutil.copytree(stopped, tmp_path / "run")


def goes_on(out: Path, whole: list[torch.Tensor]) -> bool:
    ended = weights(run(out, steps=6, resume=True))
    steps = [entry["step"] for entry in read_log(out / "log.jsonl") if "step" in entry]
    return steps == [1, 2, 3, 4, 5, 6] and all(map(torch.equal, ended, whole))


def test_a_finished_run_says_so(out, capsys):
    run(out, resume=True)
    assert "finished: all 4 steps are done; a larger loop.steps goes on" in capsys.readouterr().err


@pytest.mark.parametrize("file", ["model.safetensors", "ema.safetensors", "optimizer.safetensors", "state.json"])
@pytest.mark.parametrize("damage", ["missing", "empty", "cut short"])
def test_the_newest_whole_checkpoint_is_gone_on_from(out, whole, capsys, file, damage):
    path = out / "step-00000004" / file
    content = path.read_bytes()
    path.unlink() if damage == "missing" else path.write_bytes(content[: len(content) // 2 if damage[0] == "c" else 0])
    assert goes_on(out, whole)
    told = capsys.readouterr().err
    assert str(path) in told and "goes on from step-00000002, the newest that is whole" in told
    assert [path.name for path in checkpoints(out)] == ["step-00000004", "step-00000006"]


def test_weights_that_are_not_finite_are_damage(out, whole, capsys):
    path = out / "step-00000004/ema.safetensors"
    tensors = load_file(path)
    save_file({name: tensor * torch.nan for name, tensor in tensors.items()}, path)
    assert goes_on(out, whole)
    assert "is not finite" in capsys.readouterr().err


def test_a_run_without_a_whole_checkpoint_is_told_in_a_line(out):
    for checkpoint in checkpoints(out):
        (checkpoint / "model.safetensors").unlink()
    message = r"step-00000004/model.safetensors: found no such file.*; no whole one is left, expected another --out"
    with pytest.raises(InputError, match=message):
        run(out, steps=6, resume=True)


def test_another_model_is_not_taken_for_damage(out):
    loop = replaced(LOOP, schedule="constant")
    with pytest.raises(InputError, match="not of this configuration"):
        run_training(nn.Linear(5, 1), fit(), loop=loop, config=Settings(loop), out=out, resume=True)


def test_a_log_that_was_cut_short_is_no_obstacle_and_a_broken_line_is_named(out, whole):
    log = out / "log.jsonl"
    content = log.read_bytes()
    log.write_bytes(content + b'{"step": 5, "lo\x00\x00')
    assert goes_on(shutil.copytree(out, out.with_name("copy")), whole)
    lines = content.splitlines(keepends=True)
    for broken in (b"[1]\n", b'{"step": "2"}\n', b"\xff\xfe\n", b"[" * 100_000 + b"\n"):
        log.write_bytes(b"".join([*lines[:2], broken, *lines[2:]]))
        with pytest.raises(InputError, match=r"log\.jsonl line 3: found .*, expected a report as JSON") as caught:
            run(out, steps=6, resume=True)
        assert "\n" not in str(caught.value)
    log.unlink()
    run(out, steps=6, resume=True)


def test_a_full_disk_leaves_the_checkpoint_before_and_the_run_goes_on(tmp_path):
    """A model that is larger than the log."""

    def wide(out: Path, *, steps: int, resume: bool) -> nn.Module:
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(3, 4000), nn.Linear(4000, 1))
        loop = replaced(LOOP, steps=steps, schedule="constant", learning_rate=1e-3)
        return run_training(model, fit(), loop=loop, config=Settings(loop), out=out, resume=resume)

    whole = weights(wide(tmp_path / "whole", steps=4, resume=False))
    wide(tmp_path / "run", steps=2, resume=False)
    before = names(tmp_path / "run")
    with files_of_at_most(60_000), pytest.raises(InputError, match="step-00000004: found an error while wr") as caught:
        wide(tmp_path / "run", steps=4, resume=True)
    assert "\n" not in str(caught.value)
    assert names(tmp_path / "run") == before
    assert all(map(torch.equal, weights(wide(tmp_path / "run", steps=4, resume=True)), whole))


def test_a_full_disk_leaves_whole_lines_in_the_log(tmp_path):
    log = Log(tmp_path / "log.jsonl", resume_at=0)
    log.write(step=1, loss=0.5)
    size = (tmp_path / "log.jsonl").stat().st_size
    with files_of_at_most(size + 5), pytest.raises(InputError, match=r"log\.jsonl: found an error while writing"):
        log.write(step=2, loss=0.25)
    assert (tmp_path / "log.jsonl").read_text() == json.dumps({"step": 1, "loss": 0.5}) + "\n"


@contextmanager
def interruptible() -> Iterator[None]:
    """Also where the tests run in the background of a shell, which ignores interrupts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("place", ["before", "after"])
def test_a_termination_in_a_save_leaves_the_checkpoint_before(out, whole, monkeypatch, place):
    """Between two files of a checkpoint, and when all are there; SIGTERM has this handler, too."""

    def terminated(tensors, path) -> None:
        save_file(tensors, path)
        if path.name.startswith("optimizer" if place == "after" else "model"):
            os.kill(os.getpid(), signal.SIGINT)

    before = names(out)
    with monkeypatch.context() as patched, interruptible():
        patched.setattr("cmmd.training.state.save_file", terminated)
        with pytest.raises(KeyboardInterrupt):
            run(out, steps=6, resume=True)
    assert names(out) == before
    assert goes_on(out, whole)


def test_a_checkpoint_loses_its_name_before_its_files(tmp_path, monkeypatch):
    """A process that is killed while it removes an old checkpoint leaves none that looks whole."""
    state = TrainingState.fresh(line(), learning_rate=0.1, weight_decay=0.0, ema_decay=0.9)
    monkeypatch.setattr("cmmd.files.unfinished_folder.shutil.rmtree", lambda path, **_: None)
    for state.step in (2, 4, 6):
        state.save(tmp_path)
    assert [path.name for path in checkpoints(tmp_path)] == ["step-00000004", "step-00000006"]
