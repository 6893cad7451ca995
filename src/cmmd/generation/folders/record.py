"""The record of a folder's results and their sources, one JSON line per result (ours).

A line is on disk before its result gets its name, and a result belongs to a line only if its content is the one that
the line describes. So the next run cannot mistake what a killed run left for a result.
"""

import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Literal

from pydantic import TypeAdapter

from cmmd.files.foreign_files import read_text, reading
from cmmd.files.inline_groups import as_dict, inline
from cmmd.files.plain_json import parse_json

RECORD = "made.jsonl"
EXPECTED = "a record of cmmd generate, one result a line"
LARGEST_RECORD = 2**30
"""Largest size in bytes: that of a million results."""
LONGEST_LINE = 2**20
"""Largest length of the last line in bytes: its start is searched within so many bytes of the end."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fingerprint:
    """Digest of a file's content, and size and modification time to recognise it without reading. time_ns: since
    1970."""

    bytes: int
    time_ns: int
    sha256: str

    @classmethod
    def of(cls, path: Path) -> "Fingerprint":
        """Returns the fingerprint of a file. Raises OSError if it cannot be read."""
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return cls(bytes=found.st_size, time_ns=found.st_mtime_ns, sha256=digest)

    def looks_like(self, path: Path) -> bool:
        """Whether a file has this size and modification time."""
        with suppress(OSError):
            found = path.stat()
            return (found.st_size, found.st_mtime_ns) == (self.bytes, self.time_ns)
        return False

    def is_of(self, path: Path) -> bool:
        """Whether a file has this content. It is read only if its modification time differs."""
        with suppress(OSError):
            same_size = path.stat().st_size == self.bytes
            return same_size and (self.looks_like(path) or Fingerprint.of(path).sha256 == self.sha256)
        return False


@dataclass(frozen=True, kw_only=True, slots=True)
class ResultFiles:
    """result: path relative to the folder of the record, with forward slashes. input: absolute path."""

    result: str
    result_file: Fingerprint
    input: str
    input_file: Fingerprint


@dataclass(frozen=True, kw_only=True, slots=True)
class Generator:
    """What generated a result. model: its name. version: of the package."""

    model: str
    model_sha256: str
    version: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Stretch:
    """The stretch of the input, in s. None: from its start, or to its end."""

    start: float | None = None
    end: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ResultMeasures:
    """alignment: the model's own score, if it was measured. loudness, true_peak: LUFS and dB of full scale, if the
    loudness was set. seconds: length of the result."""

    alignment: float | None = None
    loudness: float | None = None
    true_peak: float | None = None
    seconds: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Processing:
    """took: seconds of each stage. notes: remarks about the result."""

    took: dict[str, float] = field(default_factory=dict)
    device: str = ""
    notes: list[str] = field(default_factory=list)


@inline("files", "generator", "stretch", "measures", "processing")
@dataclass(frozen=True, kw_only=True, slots=True)
class RecordLine:
    """One line of the record: a result, and what it depends on.

    made: what was generated: audio, video, or both. settings: everything else that the result depends on, except input,
    model and seed. to: the option --to, if given. guidance: the strength that was used. said: label, split and group of
    the clip in a table. The others are inline groups.
    """

    files: ResultFiles
    made: Literal["audio", "video", "both"]
    seed: int
    settings: dict[str, Any]
    generator: Generator
    stretch: Stretch = field(default_factory=Stretch)
    to: str | None = None
    guidance: float | None = None
    measures: ResultMeasures = field(default_factory=ResultMeasures)
    processing: Processing = field(default_factory=Processing)
    said: dict[str, str] = field(default_factory=dict)

    def to_line(self) -> str:
        """Returns the line as JSON in ASCII, without empty values; file names that are not UTF-8 are escaped."""
        return json.dumps({name: value for name, value in as_dict(self).items() if value not in (None, "", {}, [])})

    @classmethod
    def of_line(cls, line: str, where: str) -> "RecordLine":
        """Parses a line. Raises InputError, naming `where`, if it is not a line of a record. Unknown fields are
        ignored: a later version may write more."""
        with reading(where, expected=EXPECTED):
            return LINE.validate_python(parse_json(line, where, expected=EXPECTED))


LINE = TypeAdapter(RecordLine)


class Record:
    """The lines of a folder's record. Only one process at a time may write to it."""

    def __init__(self, folder: Path, lines: Iterable[RecordLine] = ()) -> None:
        self.folder = folder
        self._by_result: dict[str, list[RecordLine]] = defaultdict(list)
        self._by_input: dict[str, list[RecordLine]] = defaultdict(list)
        for line in lines:
            self._note(line)

    @classmethod
    def read(cls, folder: Path) -> "Record":
        """Reads the record of a folder; it is empty if there is none. A last line that a crash cut off is ignored.
        Raises InputError, naming the line, for any other line that is not one of a record."""
        path = folder / RECORD
        if not path.exists():
            return cls(folder)
        lines = read_text(path, expected=EXPECTED, largest=LARGEST_RECORD).split("\n")
        return cls(
            folder, (RecordLine.of_line(line, f"{path} line {k}") for k, line in enumerate(lines[:-1], 1) if line)
        )

    def append(self, lines: Sequence[RecordLine]) -> None:
        """Appends lines in one write and flushes them to disk, so that a power loss does not lose them. Raises OSError
        if the record cannot be written."""
        with (self.folder / RECORD).open("a+b") as file:
            _cut_off_half_a_line(file)
            file.write("".join(f"{line.to_line()}\n" for line in lines).encode())
            file.flush()
            os.fsync(file.fileno())
        for line in lines:
            self._note(line)

    def lines_of(self, result: str) -> list[RecordLine]:
        """Returns the lines whose result is the file that now has this name, newest first; none if the file is missing
        or not in the record. There may be several: different settings can produce the same bytes."""
        path = self.folder / result
        return [line for line in reversed(self._by_result[result]) if line.files.result_file.is_of(path)]

    def lines_about(self, source: Path) -> list[RecordLine]:
        """Returns the lines of all results of an input, found by its path, newest first."""
        return self._by_input[os.path.realpath(source)][::-1]

    def _note(self, line: RecordLine) -> None:
        self._by_result[line.files.result].append(line)
        self._by_input[line.files.input].append(line)


def _cut_off_half_a_line(file: IO[bytes]) -> None:
    end = file.seek(0, os.SEEK_END)
    file.seek(max(0, end - LONGEST_LINE))
    tail = file.read()
    if tail and not tail.endswith(b"\n"):
        file.truncate(end - len(tail) + tail.rfind(b"\n") + 1)
