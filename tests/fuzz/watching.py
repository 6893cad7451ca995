"""Work that must end in a result or in an InputError of one line: what it came to, its memory and its time."""

import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from cmmd.errors import InputError

MEMORY = 1500
"""MB that nothing may need."""
CLEAR = Path("/proc/self/clear_refs")


class Watched(NamedTuple):
    """told: the line of the InputError, None for a result. peak: MB of the process. seconds: of the processors."""

    told: str | None
    peak: float
    seconds: float


def watched(work: Callable[[], object], *, lines_at_most: int = 1) -> Watched:
    """Do the work. Any exception but InputError is raised, and a message of more lines or of what is not printable."""
    if CLEAR.exists():
        CLEAR.write_text("5")  # the peak starts again
    started, told = time.process_time(), None
    try:
        work()
    except InputError as error:
        told = str(error)
        lines = told.splitlines()
        if len(lines) not in range(1, lines_at_most + 1) or not all(map(_is_short_line, lines)):
            raise AssertionError(f"not a printable line: {told!r:.500}") from error
    return Watched(told, _peak(), time.process_time() - started)


def limit_memory(gigabytes: float = 6.0) -> None:
    """Of this process, so that a defect costs one test and not the machine."""
    size = int(gigabytes * 2**30)
    resource.setrlimit(resource.RLIMIT_AS, (size, size))


def _is_short_line(line: str) -> bool:
    return line.isprintable() and 0 < len(line) < 2000


def _peak() -> float:
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
