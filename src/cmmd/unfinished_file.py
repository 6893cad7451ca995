"""Files that appear under their name only when they are complete, and what killed processes left of them (ours)."""

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
def written_beside(out: Path, *, durable: bool = False) -> Iterator[Path]:
    """Yield a temporary name in the folder of `out`, renamed to `out` at the end; on any error nothing is left.

    durable: on the disk before it has its name, so that a power loss leaves the old file or the new one. Raises
    InputError if the folder is missing or cannot be written to, or the disk is full.
    """
    if out.is_dir():
        raise InputError.about(out, found="a folder", expected="the name of a file to write")
    if not out.parent.is_dir():
        raise InputError.about(out, found=f"no folder {out.parent}", expected="an existing folder to write to")
    beside = temporary_path(out)
    try:
        with told_as_disk_error(out):
            beside.open("xb").close()
            yield beside
            if durable:
                flush(beside)
            beside.replace(out)
            if durable:
                flush(out.parent)
    finally:
        beside.unlink(missing_ok=True)


def temporary_path(target: Path) -> Path:
    """A hidden name beside a file or folder, for the time that it is not complete."""
    return target.with_name(f".{target.name[:100]}.{uuid.uuid4().hex[:8]}.part")


@contextmanager
def told_as_disk_error(target: Path) -> Iterator[None]:
    """Raise InputError that names `target` where a library tells that it could not be written."""
    try:
        yield
    except (OSError, FFmpegError, SafetensorError) as error:
        found = f"an error while writing ({getattr(error, 'strerror', None) or error})"
        raise InputError.about(target, found=found, expected="a place that can be written to") from error


def flush(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk. Raises OSError where a file's content is not."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError:
        if not path.is_dir():  # not every file system does this for folders
            raise
    finally:
        os.close(descriptor)


def sweep(folder: Path, *names: str) -> None:
    """Remove what killed processes left of files and folders of these names (patterns as `step-*`), and nothing else.

    The caller holds the folder's lock: what another process is writing looks the same.
    """
    for path in folder.glob(".*.part"):
        match = TEMPORARY.fullmatch(path.name)
        if match and any(fnmatchcase(match["target"], name) for name in names):
            with suppress(OSError):
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
