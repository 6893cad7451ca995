"""Examination of all files of a folder in worker processes that may crash, and comparison of the files (ours)."""

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from cmmd.data.preparing.folder import media_files
from cmmd.doctor.belonging import Synchrony, synchrony
from cmmd.doctor.diagnosis import diagnose
from cmmd.doctor.duplicates import shared_content
from cmmd.doctor.examination import Examination, examine
from cmmd.doctor.finding import VERDICTS, Finding, Verdict, verdict, worst_first
from cmmd.errors import InputError
from cmmd.runtime.processors import processors
from cmmd.runtime.progress import progress
from cmmd.runtime.worker_processes import Failure, map_in_workers

LONGEST = 3600.0
"""Time limit per file in s; 720p decodes at fifteen times real time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckedFile:
    """name: relative to the folder, with forward slashes. findings: worst first. examined: measurements or failure."""

    name: str
    findings: tuple[Finding, ...]
    examined: Examination | Failure

    @property
    def verdict(self) -> Verdict:
        return verdict(self.findings)


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkup:
    """Result of `check`.

    files: worst first. synchrony: result for the whole set, None with too few usable files. shortest: length of the
    shortest useful clip in s. wall: elapsed time in s.
    """

    source: Path
    files: tuple[CheckedFile, ...]
    synchrony: Synchrony | None
    shortest: float
    workers: int
    wall: float

    def count(self, verdict: Verdict) -> int:
        return sum(file.verdict == verdict for file in self.files)


def check(source: Path, *, shortest: float, workers: int | None = None, drawn: bool = False) -> Checkup:
    """Examine a file, or every media file below a folder. Raises InputError if there is none.

    shortest: length of the shortest useful clip in s. workers: default one per processor. drawn: adds the thumbnails
    and waveforms that the page shows.
    """
    started, count = time.perf_counter(), workers or processors()
    paths = _paths(source)
    names = [path.relative_to(source).as_posix() if path != source else path.name for path in paths]
    examining = partial(examine, shortest=shortest, drawn=drawn)
    examined: list[Examination | Failure] = []
    with progress(len(paths), "examining", unit="file") as bar:
        for found in map_in_workers(examining, paths, workers=min(count, len(paths)), seconds=LONGEST):
            examined.append(found)
            bar.update()
    findings = [diagnose(found, path, shortest=shortest) for found, path in zip(examined, paths, strict=True)]
    readable = [(index, found) for index, found in enumerate(examined) if isinstance(found, Examination)]
    shared = shared_content([found for _, found in readable], [names[index] for index, _ in readable])
    for (index, _), more in zip(readable, shared, strict=True):
        findings[index] += more
    files = [
        CheckedFile(name=name, findings=worst_first(found), examined=one)
        for name, found, one in zip(names, findings, examined, strict=True)
    ]
    return Checkup(
        source=source,
        files=tuple(sorted(files, key=lambda file: (VERDICTS.index(file.verdict), file.name))),
        synchrony=synchrony([found.lags for _, found in readable if found.lags is not None]),
        shortest=shortest,
        workers=count,
        wall=time.perf_counter() - started,
    )


def _paths(source: Path) -> list[Path]:
    """Returns a file itself, whatever its suffix; for a folder, the files that `cmmd prepare` would take."""
    if not source.exists():
        raise InputError.about(source, found="no such file or folder", expected="a media file, or a folder of them")
    return media_files(source) if source.is_dir() else [source]
