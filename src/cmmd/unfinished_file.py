"""A file that appears under its name only when it is complete (ours)."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from av.error import FFmpegError

from cmmd.errors import InputError


@contextmanager
def written_beside(out: Path) -> Iterator[Path]:
    """Yield a temporary name in the folder of `out`, renamed to `out` at the end; on any error nothing is left.

    Raises InputError if the folder is missing or cannot be written to, or the disk is full.
    """
    if out.is_dir():
        raise InputError.about(out, found="a folder", expected="the name of a file to write")
    if not out.parent.is_dir():
        raise InputError.about(out, found=f"no folder {out.parent}", expected="an existing folder to write to")
    beside = out.with_name(f".{out.name[:100]}.{uuid.uuid4().hex[:8]}.part")
    try:
        beside.open("xb").close()
        yield beside
        beside.replace(out)
    except (OSError, FFmpegError) as error:
        found = f"an error while writing ({error.strerror or error})"
        raise InputError.about(out, found=found, expected="a place that can be written to") from error
    finally:
        beside.unlink(missing_ok=True)
