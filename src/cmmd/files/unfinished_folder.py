"""A folder that appears under its name only when it is complete (ours)."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cmmd.files.unfinished_file import as_disk_error, flush, temporary_path


@contextmanager
def atomic_folder(folder: Path) -> Iterator[Path]:
    """Yields a new folder under a temporary name, which is renamed to `folder` at the end, or removed on any error.

    Its content is flushed to disk before the rename. An existing folder is replaced as a whole. Raises InputError if
    the folder cannot be written. Only one process at a time may write a folder.
    """
    temporary = temporary_path(folder)
    try:
        with as_disk_error(folder):
            temporary.mkdir(parents=True)
            yield temporary
            for path in sorted(temporary.rglob("*"), reverse=True):
                flush(path)
            flush(temporary)
            restore(folder)
            if folder.exists():
                folder.rename(_replaced(folder))
            temporary.rename(folder)
            flush(folder.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    shutil.rmtree(_replaced(folder), ignore_errors=True)


def restore(folder: Path) -> None:
    """Restores the previous folder if a process was killed while it replaced it."""
    replaced = _replaced(folder)
    if replaced.exists() and not folder.exists():
        replaced.rename(folder)
    shutil.rmtree(replaced, ignore_errors=True)


def remove_folder(folder: Path) -> None:
    """Removes a folder, which is renamed first, so that it is never incomplete under its name. What a killed process
    leaves of it is removed by `sweep`."""
    unnamed = temporary_path(folder)
    folder.rename(unnamed)
    shutil.rmtree(unnamed, ignore_errors=True)


def _replaced(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.replaced")
