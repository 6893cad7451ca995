"""A folder that appears under its name only when it is complete (ours)."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cmmd.unfinished_file import flush, temporary_path, told_as_disk_error


@contextmanager
def folder_written_beside(folder: Path) -> Iterator[Path]:
    """Yield a new folder under a temporary name, renamed to `folder` at the end; on any error nothing is left.

    All of it is on the disk before it has its name. A folder that was there is replaced whole. Raises InputError where
    the disk does not take it. One process at a time may write a folder.
    """
    beside = temporary_path(folder)
    try:
        with told_as_disk_error(folder):
            beside.mkdir(parents=True)
            yield beside
            for path in sorted(beside.rglob("*"), reverse=True):
                flush(path)
            flush(beside)
            restore(folder)
            if folder.exists():
                folder.rename(_replaced(folder))
            beside.rename(folder)
            flush(folder.parent)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    shutil.rmtree(_replaced(folder), ignore_errors=True)


def restore(folder: Path) -> None:
    """Bring back the folder that was there, if a process was killed while it replaced it."""
    replaced = _replaced(folder)
    if replaced.exists() and not folder.exists():
        replaced.rename(folder)
    shutil.rmtree(replaced, ignore_errors=True)


def remove_folder(folder: Path) -> None:
    """Never half there: it loses its name first. What a killed process leaves of it is swept as a temporary."""
    unnamed = temporary_path(folder)
    folder.rename(unnamed)
    shutil.rmtree(unnamed, ignore_errors=True)


def _replaced(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.replaced")
