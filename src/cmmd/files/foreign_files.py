"""Reads untrusted files: every error while one is read becomes an InputError of one line (ours).

This is the only module that lists exceptions of other libraries; no reader has a list of its own.
"""

import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError

from cmmd.errors import InputError

LARGEST = 2**28
"""Largest size of a text file in bytes; a table of a million clips is smaller."""
LONGEST_REASON = 200
"""Largest number of characters of a foreign message in an error message."""


@contextmanager
def reading(source: str | Path, *, expected: str) -> Iterator[None]:
    """Turn every exception of the block into an InputError that names the source.

    The block should only read and parse. InputError passes unchanged, and so do AssertionError and NameError raised in
    this package, which indicate a defect.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        if _is_defect(error):
            raise
        raise InputError.about(source, found=reason(error), expected=expected) from error


def read_bytes(path: Path, *, expected: str, largest: int = LARGEST) -> bytes:
    """Returns the content of a regular file; others, such as a pipe or a device, might never end.

    Raises InputError for any other file, one of more than `largest` bytes, and one that cannot be read.
    """
    with reading(path, expected=expected):
        # O_NONBLOCK: opening a pipe would otherwise wait for a writer.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                found = "a folder" if stat.S_ISDIR(status.st_mode) else "no regular file"
                raise InputError.about(path, found=found, expected=expected)
            if status.st_size > largest:
                raise InputError.about(path, found=f"{status.st_size} bytes", expected=f"{expected}, {largest} at most")
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                return file.read(status.st_size)
        finally:
            os.close(descriptor)


def read_text(path: Path, *, expected: str, largest: int = LARGEST) -> str:
    """Returns a UTF-8 text, with or without a byte order mark. Raises InputError as `read_bytes`, and for a file that
    is not UTF-8."""
    with reading(path, expected=expected):
        return read_bytes(path, expected=expected, largest=largest).decode("utf-8-sig")


def reason(error: Exception) -> str:
    """Summarises a foreign exception in at most `LONGEST_REASON` characters."""
    match error:
        case ValidationError():
            problem = error.errors(include_url=False, include_context=False, include_input=False)[0]
            where = ".".join(map(str, problem["loc"]))
            message = problem["msg"].removeprefix("Value error, ")
            found = f"{where + ': ' if where else ''}{message[:1].lower()}{message[1:]}"
        case UnicodeDecodeError():
            found = f"no UTF-8 text (byte {error.start} is 0x{error.object[error.start]:02x})"
        case json.JSONDecodeError():
            found = f"no JSON ({error})"
        case OSError():
            found = f"nothing to read ({error.strerror or error})"
        case KeyError():
            found = f"no {error.args[0] if error.args else 'such key'}"
        case RecursionError():
            found = "too many levels within each other"
        case MemoryError():
            found = "more than the memory holds"
        case _:
            found = " ".join(str(error).split()) or type(error).__name__
    return found if len(found) <= LONGEST_REASON else f"{found[: LONGEST_REASON - 3]}..."


def _is_defect(error: Exception) -> bool:
    """Whether an AssertionError or NameError was raised in this package; those of libraries concern their input."""
    if not isinstance(error, AssertionError | NameError):
        return False
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    return traceback is not None and traceback.tb_frame.f_globals.get("__name__", "").startswith("cmmd.")
