"""One process at a time in a folder: a lock that ends with the process that holds it, however that ends (ours).

The lock is flock(2) on a small file that names its holder. Linux passes it on to an NFS server, so that machines see
each other's locks. Where a file system has no locks (some FUSE and Lustre mounts), and on systems without flock, work
goes on without one.
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
from cmmd.output_folder import make_folder

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

LOCK = ".cmmd-lock"


@contextmanager
def locked_folder(folder: Path, name: str = LOCK) -> Iterator[None]:
    """Make a folder and hold one of its locks; a folder that was made and stays empty is removed again.

    Raises InputError, naming the process that holds the lock, and where the folder cannot be written to.
    """
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    make_folder(folder)
    try:
        with locked(folder / name):
            yield
    finally:
        with suppress(OSError):  # the first that is not empty
            for path in made:
                path.rmdir()


@contextmanager
def locked(path: Path, *, wait: bool = False) -> Iterator[None]:
    """Hold the lock file `path`, which is removed at the end. wait: until another process lets go of it, told in a
    line. Raises InputError as `locked_folder`."""
    file = _acquire(path, wait=wait)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)  # before it is let go: whoever waits for it then sees that it has no name
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
    """Whether the lock is ours, or there are no locks here."""
    assert fcntl is not None
    try:
        fcntl.flock(file, operation)
    except OSError as error:
        return error.errno not in (errno.EAGAIN, errno.EACCES)
    return True


def _is_named(file: IO[bytes], path: Path) -> bool:
    """Whether the open file still has its name, and not another one that was made since."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
