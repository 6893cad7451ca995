"""Files that appear under their name only when they are complete, and removal of what killed processes left (ours)."""

import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fnmatch import fnmatchcase
from pathlib import Path

from av.error import FFmpegError
from safetensors import SafetensorError

from cmmd.errors import InputError

TEMPORARY = re.compile(r"\.(?P<target>.+)\.[0-9a-f]{8}\.part")


@contextmanager
def atomic_file(out: Path, *, durable: bool = False) -> Iterator[Path]:
    """Yields a temporary file in the folder of `out`, which is renamed to `out` at the end, or removed on any error.

    durable: flush the file to disk before it is renamed, so that a power loss leaves the old file or the new one.
    Raises InputError if `out` is a folder, its folder is missing or cannot be written to, or the disk is full.
    """
    if out.is_dir():
        raise InputError.about(out, found="a folder", expected="the name of a file to write")
    if not out.parent.is_dir():
        raise InputError.about(out, found=f"no folder {out.parent}", expected="an existing folder to write to")
    temporary = temporary_path(out)
    try:
        with as_disk_error(out):
            temporary.open("xb").close()
            yield temporary
            if durable:
                flush(temporary)
            temporary.replace(out)
            if durable:
                flush(out.parent)
    finally:
        temporary.unlink(missing_ok=True)


def temporary_path(target: Path) -> Path:
    """Returns a hidden name in the same folder, for a file or folder that is not complete yet."""
    return target.with_name(f".{target.name[:100]}.{uuid.uuid4().hex[:8]}.part")


@contextmanager
def as_disk_error(target: Path) -> Iterator[None]:
    """Turns a write error of the block into an InputError that names `target`."""
    try:
        yield
    except (OSError, FFmpegError, SafetensorError) as error:
        found = f"an error while writing ({getattr(error, 'strerror', None) or error})"
        raise InputError.about(target, found=found, expected="a place that can be written to") from error


def flush(path: Path) -> None:
    """Waits until a file's content, or the names in a folder, are on disk. Raises OSError if a file cannot be
    flushed."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError:
        if not path.is_dir():  # not every file system can flush folders
            raise
    finally:
        os.close(descriptor)


def sweep(folder: Path, *names: str) -> None:
    """Removes the temporary files and folders that killed processes left for these names (patterns such as `step-*`).

    The caller must hold the folder's lock: files that another process is writing look the same.
    """
    for path in folder.glob(".*.part"):
        match = TEMPORARY.fullmatch(path.name)
        if match and any(fnmatchcase(match["target"], name) for name in names):
            with suppress(OSError):
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
