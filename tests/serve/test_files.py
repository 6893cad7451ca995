"""Temporary files: removed with their session, by age, by size, and all of them at the end."""

import os
import time
from pathlib import Path

import pytest

from cmmd.serve.files import ServedFiles, served_files
from cmmd.serve.limits import Limits

LIMITS = Limits(upload_megabytes=1, retained=100, uploads=3)


@pytest.fixture
def files(tmp_path: Path) -> ServedFiles:
    return ServedFiles(tmp_path, LIMITS)


def upload(files: ServedFiles, name: str, *, size: int = 10, age: float = 0) -> Path:
    path = files.uploads / name / "clip.mp4"
    path.parent.mkdir()
    path.write_bytes(b"0" * size)
    changed = time.time() - age
    os.utime(path, (changed, changed))
    return path


def test_everything_is_removed_at_the_end():
    with served_files(LIMITS) as files:
        root = files.uploads.parent
        upload(files, "a")
        assert root.stat().st_mode & 0o077 == 0  # nobody else on the machine reads it
    assert not root.exists()


def test_a_session_leaves_nothing_and_takes_nothing_of_another(files):
    first, second, other = files.new_folder("a"), files.new_folder("a"), files.new_folder("b")
    assert len({first, second, other}) == 3 and len(other.name) == 32
    files.remove_session("a")
    assert not first.exists() and not second.exists() and other.exists()
    files.remove_session("a")


def test_old_files_are_swept_and_used_ones_stay(files):
    old, used, new = upload(files, "old", age=101), upload(files, "used", age=101), upload(files, "new", age=99)
    results = files.new_folder("a")
    files.use(used)
    files.use(None)
    files.sweep()
    assert not old.parent.exists() and used.exists() and new.exists() and results.exists()
    files.sweep(time.time() + 101)
    assert list(files.uploads.iterdir()) == [] and not results.exists()


def test_the_oldest_uploads_go_when_there_are_too_many_bytes(files):
    size = LIMITS.upload_bytes
    kept = [upload(files, f"{age}", size=size, age=age) for age in (1, 2, 3)]
    gone = upload(files, "4", size=size, age=4)
    files.sweep()
    assert all(path.exists() for path in kept) and not gone.exists()


def test_an_upload_that_is_gone_is_not_made_by_using_it(files):
    gone = upload(files, "a")
    gone.unlink()
    files.use(gone)
    assert not gone.exists()


def test_the_results_of_a_long_job_stay_while_it_works(files):
    folder = files.new_folder("a")
    os.utime(folder, (0, 0))
    files.use(folder)
    files.sweep()
    assert folder.exists()
