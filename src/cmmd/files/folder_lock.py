"""A folder lock for one process at a time; it is released when its process ends, also by a kill (ours).

The lock is flock(2) on a small file that names its holder. Linux passes it on to an NFS server, so that machines see
each other's locks. On file systems without locks (some FUSE and Lustre mounts) and on systems without flock, no lock
is taken.
"""

import errno
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from cmmd.errors import InputError
from cmmd.files.output_folder import make_folder

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

LOCK = ".cmmd-lock"


@contextmanager
def locked_folder(folder: Path, name: str = LOCK) -> Iterator[None]:
    """Creates a folder with its parents and holds one of its locks; folders created here are removed again if they
    are empty at the end.

    Raises InputError if another process holds the lock, naming it, and if the folder cannot be written to.
    """
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    make_folder(folder)
    try:
        with locked(folder / name):
            yield
    finally:
        with suppress(OSError):  # stops at the first folder that is not empty
            for path in made:
                path.rmdir()


@contextmanager
def locked(path: Path, *, wait: bool = False) -> Iterator[None]:
    """Holds the lock file `path` and removes it at the end. wait: print a line and wait if another process holds the
    lock, instead of raising. Raises InputError as `locked_folder`."""
    file = _acquire(path, wait=wait)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)  # before the release: a process that waits then sees that the file has no name
        file.close()


def _acquire(path: Path, *, wait: bool) -> IO[bytes]:
    while True:
        try:
            file = path.open("a+b")
        except OSError as error:
            found = f"an error ({error.strerror})"
            raise InputError.about(path.parent, found=found, expected="a folder that can be written to") from error
        if fcntl is not None and not _try(file, fcntl.LOCK_EX | fcntl.LOCK_NB):
            file.seek(0)
            other = file.read(200).decode(errors="replace").strip() or "another process"
            if not wait:
                file.close()
                raise InputError.about(path.parent, found=f"{other} at work in it", expected="one run at a time")
            print(f"cmmd: waiting for {other}, at work on {path.parent}", file=sys.stderr)
            fcntl.flock(file, fcntl.LOCK_EX)
        if _is_named(file, path):
            file.truncate(0)
            file.write(f"process {os.getpid()} on {platform.node()}\n".encode())
            file.flush()
            return file
        file.close()


def _try(file: IO[bytes], operation: int) -> bool:
    """Returns True if the lock was acquired, or if the file system has no locks."""
    assert fcntl is not None
    try:
        fcntl.flock(file, operation)
    except OSError as error:
        return error.errno not in (errno.EAGAIN, errno.EACCES)
    return True


def _is_named(file: IO[bytes], path: Path) -> bool:
    """Whether `path` still refers to the open file, and not to one created since."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
