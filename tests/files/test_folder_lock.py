"""One process at a time in a folder, refused in a line; the lock of a dead process is none."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from cmmd.errors import InputError
from cmmd.files.folder_lock import LOCK, locked, locked_folder

HOLD = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from cmmd.files.folder_lock import locked_folder
with locked_folder(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def test_the_second_is_refused_and_told_who_the_first_is(tmp_path):
    with locked_folder(tmp_path):
        message = rf"found process {os.getpid()} on .* at work in it, expected one run at a time"
        with pytest.raises(InputError, match=message), locked_folder(tmp_path):
            pass
        with locked_folder(tmp_path, "another-lock"):
            assert sorted(path.name for path in tmp_path.iterdir()) == [LOCK, "another-lock"]
    assert list(tmp_path.iterdir()) == []
    with locked_folder(tmp_path):
        pass


def test_a_lock_ends_with_its_process(tmp_path):
    source = str(Path(sys.modules["cmmd"].__path__[0]).parent)
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path), source], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    with pytest.raises(InputError, match=f"process {process.pid} on"), locked_folder(tmp_path):
        pass
    process.kill()
    process.wait()
    process.stdout.close()
    assert (tmp_path / LOCK).exists(), "a killed process leaves the file"
    with locked_folder(tmp_path):
        assert f"process {os.getpid()} on" in (tmp_path / LOCK).read_text()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_was_made_for_nothing_is_removed_again(tmp_path):
    with locked_folder(tmp_path / "a/b/c"):
        pass
    assert list(tmp_path.iterdir()) == []
    with locked_folder(tmp_path / "a/b"):
        (tmp_path / "a/b/result").touch()
    assert [path.name for path in (tmp_path / "a/b").iterdir()] == ["result"]


def test_whoever_waits_goes_on_when_the_lock_is_let_go(tmp_path, capsys):
    order = []

    def wait() -> None:
        with locked(tmp_path / LOCK, wait=True):
            order.append("second")

    with locked(tmp_path / LOCK):
        thread = threading.Thread(target=wait)
        thread.start()
        while "waiting for process" not in (told := capsys.readouterr().err):
            pass
        assert told.count("\n") == 1
        order.append("first")
    thread.join()
    assert order == ["first", "second"] and list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_to_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="expected a folder to write to"), locked_folder(tmp_path / "file/out"):
        pass
