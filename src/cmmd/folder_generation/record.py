"""What was made from what: one line of JSON a result, in the folder of the results (ours).

A line is on the disk before its result has its name, and a result counts as the one of a line only if the file is the
one that the line describes. So a killed run leaves nothing that the next one could mistake.
"""

import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, Literal

from pydantic import TypeAdapter

from cmmd.foreign_files import read_text, reading
from cmmd.plain_json import parse_json

RECORD = "made.jsonl"
EXPECTED = "a record of cmmd generate, one result a line"
LARGEST_RECORD = 2**30
"""Bytes: a million results."""
LONGEST_LINE = 2**20
"""Bytes from the end of a record in which its last line begins."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fingerprint:
    """A file's content, and size and time by which it is known again without being read. time_ns: since 1970."""

    bytes: int
    time_ns: int
    sha256: str

    @classmethod
    def of(cls, path: Path) -> "Fingerprint":
        """Raises OSError for a file that cannot be read."""
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return cls(bytes=found.st_size, time_ns=found.st_mtime_ns, sha256=digest)

    def looks_like(self, path: Path) -> bool:
        """Whether a file has this size and time."""
        with suppress(OSError):
            found = path.stat()
            return (found.st_size, found.st_mtime_ns) == (self.bytes, self.time_ns)
        return False

    def is_of(self, path: Path) -> bool:
        """Whether a file has this content: it is read where its time is another one."""
        with suppress(OSError):
            same_size = path.stat().st_size == self.bytes
            return same_size and (self.looks_like(path) or Fingerprint.of(path).sha256 == self.sha256)
        return False


@dataclass(frozen=True, kw_only=True, slots=True)
class Made:
    """A result: a line of the record.

    result: name within the folder of the record, with forward slashes. input: absolute path. start, end: of the stretch
    of it, s. made: audio, video, or both. to: what was asked for, if anything. settings: all that the result depends
    on beside input, model and seed. guidance: the strength that was used. alignment: the model's own score, where it
    was measured. loudness, true_peak: LUFS and dB of full scale, where the loudness was set. seconds: length of the
    result. took: seconds of each part. said: what a table said of the clip.
    """

    result: str
    result_file: Fingerprint
    input: str
    input_file: Fingerprint
    made: Literal["audio", "video", "both"]
    seed: int
    settings: dict[str, Any]
    model: str
    model_sha256: str
    version: str
    start: float | None = None
    end: float | None = None
    to: str | None = None
    guidance: float | None = None
    alignment: float | None = None
    loudness: float | None = None
    true_peak: float | None = None
    seconds: float | None = None
    took: dict[str, float] = field(default_factory=dict)
    device: str = ""
    notes: list[str] = field(default_factory=list)
    said: dict[str, str] = field(default_factory=dict)

    def to_line(self) -> str:
        """JSON in ASCII: file names that are not UTF-8 are escaped."""
        return json.dumps({name: value for name, value in asdict(self).items() if value not in (None, "", {}, [])})

    @classmethod
    def of_line(cls, line: str, place: str) -> "Made":
        """Raises InputError, naming the place, for what is no such line. Values of other names are passed over: a later
        version may write more."""
        with reading(place, expected=EXPECTED):
            return LINE.validate_python(parse_json(line, place, expected=EXPECTED))


LINE = TypeAdapter(Made)


class Record:
    """The lines of a folder's record, by result; one process at a time may write to it."""

    def __init__(self, folder: Path, lines: Iterable[Made] = ()) -> None:
        self.folder = folder
        self._by_result: dict[str, list[Made]] = defaultdict(list)
        self._by_input: dict[str, list[Made]] = defaultdict(list)
        for line in lines:
            self._note(line)

    @classmethod
    def read(cls, folder: Path) -> "Record":
        """An empty one where there is none yet. A last line that was cut off by a crash is passed over. Raises
        InputError, naming the line, for one that holds something else."""
        path = folder / RECORD
        if not path.exists():
            return cls(folder)
        lines = read_text(path, expected=EXPECTED, largest=LARGEST_RECORD).split("\n")
        return cls(folder, (Made.of_line(line, f"{path} line {k}") for k, line in enumerate(lines[:-1], 1) if line))

    def append(self, lines: Sequence[Made]) -> None:
        """Write lines, all of them or none, so that a power loss does not take them. Raises OSError."""
        with (self.folder / RECORD).open("a+b") as file:
            _cut_off_half_a_line(file)
            file.write("".join(f"{line.to_line()}\n" for line in lines).encode())
            file.flush()
            os.fsync(file.fileno())
        for line in lines:
            self._note(line)

    def lines_of(self, result: str) -> list[Made]:
        """The lines about the file that now has this name, the newest first; none for a file that is not ours, or
        missing. Other settings may have made the same bytes."""
        path = self.folder / result
        return [line for line in reversed(self._by_result[result]) if line.result_file.is_of(path)]

    def lines_about(self, source: Path) -> list[Made]:
        """The lines of all results of an input by its path, the newest first."""
        return self._by_input[os.path.realpath(source)][::-1]

    def _note(self, line: Made) -> None:
        self._by_result[line.result].append(line)
        self._by_input[line.input].append(line)


def _cut_off_half_a_line(file: IO[bytes]) -> None:
    end = file.seek(0, os.SEEK_END)
    file.seek(max(0, end - LONGEST_LINE))
    tail = file.read()
    if tail and not tail.endswith(b"\n"):
        file.truncate(end - len(tail) + tail.rfind(b"\n") + 1)
