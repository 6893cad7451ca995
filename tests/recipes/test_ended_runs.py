"""`cmmd train` after it ended: finished, made longer, moved, terminated, locked, or with damaged files; a line each."""

import json
import os
import shutil
import signal
from pathlib import Path

import pytest
from safetensors.torch import save_file
from tiny_runs import command, logged

from cmmd.cli import INTERRUPTED, main
from cmmd.files.folder_lock import locked_folder

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Beside its runs lie the encoded clips, which all of them share."""
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def finished(folder: Path) -> Path:
    """A run of two steps."""
    assert main(command("world.tiny", "loop.save_every=1", out=folder / "finished")) == 0
    return folder / "finished"


@pytest.fixture
def out(finished: Path, request: pytest.FixtureRequest) -> Path:
    """A copy, beside it."""
    return shutil.copytree(finished, finished.with_name(f"copy-{abs(hash(request.node.name))}"))


def resume(out: Path, *settings: str) -> int:
    return main(["train", "--resume", "--out", str(out), *(word for text in settings for word in ("--set", text))])


def refused(capsys: pytest.CaptureFixture[str], code: int) -> str:
    err = capsys.readouterr().err
    assert code == 2 and err.startswith("cmmd: ") and err.count("\n") == 1
    return err


def test_a_finished_run_says_so_is_made_longer_and_resumes_where_it_was_moved(out, capsys):
    capsys.readouterr()
    assert resume(out) == 0
    assert "finished: all 2 steps are done" in capsys.readouterr().err
    assert resume(out, "loop.steps=4") == 0
    assert "finished" not in capsys.readouterr().err
    assert [line["step"] for line in logged(out)] == [1, 2, 3, 4]
    moved = out.rename(out.with_name(f"{out.name}-moved"))
    assert resume(moved) == 0
    assert "finished: all 4 steps are done" in capsys.readouterr().err
    told = refused(capsys, main(command("world.tiny", out=moved)))
    assert "holds a run already, expected --resume or another --out" in told


def test_a_folder_where_a_run_is_under_way_is_refused_before_any_work(finished, tmp_path, capsys):
    capsys.readouterr()
    for out, words in ((finished, ["train", "--resume", "--out", str(finished)]),
                       (tmp_path / "new", command("world.tiny", out=tmp_path / "new"))):  # fmt: skip
        with locked_folder(out):
            (out / "mine").touch()
            assert f"{out}: found process {os.getpid()} on" in refused(capsys, main(words))
    assert not list(tmp_path.glob("clips-*"))


def test_a_terminated_training_is_interrupted_and_goes_on(out, capsys, monkeypatch):
    before = signal.getsignal(signal.SIGTERM)

    def terminated(tensors, path) -> None:
        save_file(tensors, path)
        if path.parent.name.startswith(".step-00000003") and path.name == "ema.safetensors":
            os.kill(os.getpid(), signal.SIGTERM)

    capsys.readouterr()
    with monkeypatch.context() as patched:
        patched.setattr("cmmd.training.state.save_file", terminated)
        try:
            assert resume(out, "loop.steps=3") == INTERRUPTED
        finally:
            signal.signal(signal.SIGTERM, before)
    assert "interrupted" in capsys.readouterr().err
    assert sorted(path.name for path in out.glob("*step*")) == ["step-00000001", "step-00000002"]
    assert not [path.name for path in out.iterdir() if path.name.startswith(".")]
    assert resume(out) == 0
    assert [line["step"] for line in logged(out)] == [1, 2, 3]


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("config.yaml", b"", "found a run"),
        ("config.yaml", b"recipe: world.tiny\nloop: {steps: 2", "is not YAML"),
        ("config.yaml", b"\xff\xfe\x00", "config.yaml: found no UTF-8 text"),
        ("config.yaml", None, "found no config.yaml, expected the folder of a run to resume"),
        ("log.jsonl", b"nonsense\n{}\n", "log.jsonl line 1: found no JSON"),
        ("step-00000002/state.json", None, "no whole one is left"),
    ],
)
def test_damaged_files_of_a_run_are_a_line(out, capsys, file, content, message):
    shutil.rmtree(out / "step-00000001")
    (out / file).unlink() if content is None else (out / file).write_bytes(content)
    capsys.readouterr()
    code = resume(out, "loop.steps=4")
    if message == "found a run":  # an empty file names no recipe
        assert "expected a RECIPE, one of:" in refused(capsys, code)
    else:
        assert message in refused(capsys, code)


def test_damaged_clips_are_a_line_that_says_what_helps(finished, tmp_path, capsys):
    (clips,) = finished.parent.glob("clips-*.safetensors")
    (tmp_path / clips.name).write_bytes(clips.read_bytes()[:100])
    told = refused(capsys, main(command("world.tiny", out=tmp_path / "run")))
    assert f"{tmp_path / clips.name}: not a file of encoded clips" in told and "without it they are made again" in told
    assert [path.name for path in tmp_path.iterdir()] == [clips.name]


def test_figures_of_a_log_that_are_none_are_not_drawn(out):
    with (out / "log.jsonl").open("a") as file:
        file.write(json.dumps({"step": 2, "loss": "a", "gap_time_shift": [1]}) + "\n")
    assert resume(out, "loop.steps=3") == 0
    assert (out / "losses.png").read_text().startswith("[[")  # see conftest
