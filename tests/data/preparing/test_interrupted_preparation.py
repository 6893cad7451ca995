"""Preparations that end before their time: full disk, termination, damage, another one; one line, and they go on."""

import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
from full_disk import files_of_at_most
from made_folder import made_clip
from serial_workers import SerialWorkers

import cmmd.data.preparing.prepare as preparation
from cmmd.cli import INTERRUPTED, main
from cmmd.data.shards import shard_file
from cmmd.files.folder_lock import LOCK, locked_folder

SMALL = ("--seconds", "1.6", "--files-per-shard", "1", "--workers", "1", "--validation", "0.3")


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("media")
    for number in range(3):
        made_clip(folder / f"{number}.mkv", seconds=1.6, seed=number)
    return folder


@pytest.fixture(autouse=True)
def serial(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preparation, "Workers", SerialWorkers)


@pytest.fixture(scope="module")
def whole(media: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With worker processes."""
    out = tmp_path_factory.mktemp("whole")
    assert prepare(media, out) == 0
    return out


def prepare(media: Path, out: Path, *words: str) -> int:
    return main(["prepare", str(media), str(out), *SMALL, *words])


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def told(capsys: pytest.CaptureFixture[str]) -> str:
    err = capsys.readouterr().err
    assert err.startswith("cmmd: ") and err.count("\n") == 1
    return err


def test_a_full_disk_is_a_line_and_leaves_no_half_of_anything(media, whole, tmp_path, capsys):
    capsys.readouterr()
    with files_of_at_most(5_000):
        assert prepare(media, tmp_path) == 2
    assert "shard-00000.safetensors: found an error while writing" in told(capsys)
    assert contents(tmp_path) == {}
    with files_of_at_most(shard_file(whole, 0).stat().st_size):
        assert prepare(media, tmp_path) in (0, 2)
    assert all(not path.name.startswith(".") for path in tmp_path.iterdir())
    assert prepare(media, tmp_path) == 0 and contents(tmp_path) == contents(whole)


def test_a_termination_is_an_interrupt_and_leaves_whole_shards(media, whole, tmp_path, capsys, monkeypatch):
    before = signal.getsignal(signal.SIGTERM)
    encode, encoded = preparation.Encoder.__call__, []  # pyright: ignore[reportPrivateImportUsage]

    def terminated(self: Any, raw: Any, request: Any, *, source: str) -> Any:
        encoded.append(source)
        if len(encoded) == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        return encode(self, raw, request, source=source)

    capsys.readouterr()
    with monkeypatch.context() as patched:
        patched.setattr(preparation.Encoder, "__call__", terminated)  # pyright: ignore[reportPrivateImportUsage]
        try:
            assert prepare(media, tmp_path) == INTERRUPTED
        finally:
            signal.signal(signal.SIGTERM, before)
    assert "interrupted" in capsys.readouterr().err
    assert sorted(contents(tmp_path)) == ["shard-00000.json", "shard-00000.safetensors"]
    assert prepare(media, tmp_path) == 0 and contents(tmp_path) == contents(whole)


@pytest.mark.parametrize("name", ["shard-00001.safetensors", "shard-00001.json"])
@pytest.mark.parametrize("content", [None, b"", b'{"format": 1, "clips": 3}', b"[" * 100_000])
def test_what_is_damaged_is_made_again(media, whole, tmp_path, name, content):
    out = shutil.copytree(whole, tmp_path / "out")
    (out / name).unlink() if content is None else (out / name).write_bytes(content)
    assert prepare(media, out) == 0 and contents(out) == contents(whole)


def test_leftovers_of_killed_runs_are_swept_and_files_of_the_user_are_not(media, whole, tmp_path):
    out = shutil.copytree(whole, tmp_path / "out")
    for name in (".shard-00001.safetensors.0123abcd.part", ".index.json.0123abcd.part", f"{LOCK}-1-of-3"):
        (out / name).touch()
    for name in (".mine.json.0123abcd.part", "shard-notes.part", ".shard-00001.json.part"):
        (out / name).touch()
    assert prepare(media, out) == 0
    assert contents(out).keys() - contents(whole).keys() == {
        *(".mine.json.0123abcd.part", "shard-notes.part", ".shard-00001.json.part")
    }


def test_the_same_part_is_made_once_at_a_time_and_other_parts_at_once(media, whole, tmp_path, capsys):
    capsys.readouterr()
    with locked_folder(tmp_path, f"{LOCK}-0-of-3"):
        for shard in ("0/3", "0/1", "1/2"):
            assert prepare(media, tmp_path, "--shard", shard) == 2
            assert f"found process {os.getpid()} on" in told(capsys)
        assert prepare(media, tmp_path, "--shard", "1/3") == 0
        assert prepare(media, tmp_path, "--shard", "2/3") == 0
    assert prepare(media, tmp_path, "--shard", "0/3") == 0
    assert contents(tmp_path) == contents(whole)
