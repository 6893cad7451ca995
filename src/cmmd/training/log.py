"""The log of a run: append-only JSON lines; the first has the facts that reproduce the run (ours)."""

import json
from pathlib import Path
from typing import Any

from cmmd.errors import InputError
from cmmd.files.foreign_files import read_bytes, reading
from cmmd.files.output_folder import make_folder
from cmmd.files.unfinished_file import as_disk_error, atomic_file, flush

LARGEST = 2**32
"""Largest size of a log in bytes. One report per step for a year takes less."""


class Log:
    """Appends to a log file. A resumed run first removes the lines of steps after `resume_at`, which it repeats."""

    def __init__(self, path: Path, *, resume_at: int) -> None:
        self.path = path
        make_folder(path.parent)
        is_resumed = resume_at and path.exists()
        retained = [line for line in read_log(path) if line.get("step", 0) <= resume_at] if is_resumed else []
        with atomic_file(path, durable=True) as temporary:
            temporary.write_text("".join(json.dumps(line) + "\n" for line in retained))

    def write(self, **facts: Any) -> None:
        """Append one line. If writing fails, removes the incomplete line and raises InputError."""
        line = json.dumps(facts).encode() + b"\n"
        with as_disk_error(self.path), self.path.open("ab", buffering=0) as file:
            size = file.tell()
            try:
                while line:
                    line = line[file.write(line) :]
            except OSError:
                file.truncate(size)
                raise

    def flush(self) -> None:
        """Wait until all lines are on the disk. Raises InputError if that fails."""
        with as_disk_error(self.path):
            flush(self.path)


def read_log(path: Path) -> list[dict[str, Any]]:
    """All lines of a log as dicts. Ignores an invalid last line, which a crash may have cut short.

    Raises InputError, with the line number, if any other line is not a JSON object or has a `step` that is not an
    integer. Raises InputError if the file cannot be read or is larger than `LARGEST`.
    """
    lines = read_bytes(path, expected="the log of a run", largest=LARGEST).split(b"\n")
    found = []
    for number, line in enumerate(lines, start=1):
        try:
            with reading(f"{path} line {number}", expected="a report as JSON; without that line the run goes on"):
                facts = json.loads(line) if line.strip() else {}
                if not isinstance(facts, dict) or type(facts.get("step", 0)) is not int:
                    raise ValueError(f"{line!r:.60}")
        except InputError:
            if number < len(lines):
                raise
            continue
        found += [facts] if facts else []
    return found
