"""A check-up as text for the terminal and as a JSON file (ours)."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cmmd.doctor.checkup import CheckedFile, Checkup
from cmmd.doctor.examination import Examination
from cmmd.doctor.finding import VERDICTS, Verdict
from cmmd.errors import printable
from cmmd.files.inline_groups import as_dict
from cmmd.files.unfinished_file import atomic_file

LISTED = 200
"""Number of files in the terminal report; the record and the page have all."""
NAME_WIDTH = 44
DRAWN = ("fingerprint", "lags", "strip", "wave")
"""Fields of Examination that the record omits."""
WORDS: dict[Verdict, str] = {
    "unusable": "unusable",
    "warning": "with warnings",
    "note": "with notes only",
    "fine": "fine",
}


def report(checkup: Checkup) -> str:
    """Returns the terminal report: up to LISTED files with their findings, worst first, then the summary."""
    listed = checkup.files[:LISTED]
    width = min(NAME_WIDTH, max(len(file.name) for file in listed))
    lines = [printable(line) for file in listed for line in _lines(file, width)]
    left = len(checkup.files) - len(listed)
    lines += [f"and {left} more; --json FILE and --page FILE tell of all"] if left else []
    return "\n".join([*lines, "", *summary(checkup)])


def summary(checkup: Checkup) -> list[str]:
    """Returns lines with the counts of files and of findings, the timing of the sound, and the speed."""
    files, counts = checkup.files, [f"{checkup.count(each)} {WORDS[each]}" for each in VERDICTS]
    lines = [f"{len(files)} file{'s' * (len(files) != 1)}, {_length(checkup)}: {', '.join(counts)}"]
    for severity in VERDICTS[:-1]:
        # A file counts once per kind of finding.
        kinds = Counter(kind for file in files for kind in {f.kind for f in file.findings if f.severity == severity})
        if kinds:
            frequent = sorted(kinds.items(), key=lambda item: (-item[1], item[0]))
            lines.append(f"{severity}: {', '.join(f'{count} {kind}' for kind, count in frequent)}")
    if checkup.synchrony is not None:
        lines.append(checkup.synchrony.says)
    work = sum(file.examined.work for file in files if isinstance(file.examined, Examination))
    lines.append(f"{checkup.wall:.1f} s with {checkup.workers} workers, {work / len(files):.2f} s a file on one")
    return lines


def described(file: CheckedFile) -> str:
    """Returns length, picture and sound of a file in a few words; empty if its examination failed."""
    if not isinstance(file.examined, Examination):
        return ""
    info, pictures, sound = file.examined.info, file.examined.pictures, file.examined.sound
    properties = [f"{file.examined.seconds:.2f} s"]
    if pictures is not None:
        video, rate = info.video, pictures.count / pictures.seconds
        properties.append(f"{video.width}x{video.height} {rate:.4g} Hz {video.video_codec}")
    if sound is not None:
        properties.append(f"{sound.rate / 1000:g} kHz {info.audio.audio_codec}")
    return ", ".join(properties)


def write_record(checkup: Checkup, out: Path) -> None:
    """Write all measurements and findings as JSON. Raises InputError if `out` cannot be written."""
    record = {
        "source": str(checkup.source),
        "shortest_seconds": checkup.shortest,
        "files": len(checkup.files),
        "verdicts": {verdict: checkup.count(verdict) for verdict in VERDICTS},
        "time_kept": asdict(checkup.synchrony) if checkup.synchrony is not None else None,
        "seconds": round(checkup.wall, 3),
        "workers": checkup.workers,
        "record": [_record(file) for file in checkup.files],
    }
    with atomic_file(out) as temporary:
        temporary.write_text(json.dumps(record, indent=1) + "\n")


def _record(file: CheckedFile) -> dict[str, Any]:
    examined = file.examined
    measured = {}
    if isinstance(examined, Examination):
        measured = {name: value for name, value in as_dict(examined).items() if name not in DRAWN}
    findings = [asdict(finding) for finding in file.findings]
    return {"file": file.name, "verdict": file.verdict, "findings": findings, "measured": measured or None}


def _lines(file: CheckedFile, width: int) -> Iterator[str]:
    """The verdict, the name and the first finding; the other findings below it."""
    first, *others = file.findings or (None,)
    summary = f"{first.kind}: {first.text}" if first is not None else described(file)
    yield f"{file.verdict:<8}  {file.name:<{width}}  {summary}".rstrip()
    for finding in others:
        yield f"{'':<8}  {'':<{width}}  {finding.kind}: {finding.text}"


def _length(checkup: Checkup) -> str:
    seconds = sum(file.examined.seconds for file in checkup.files if isinstance(file.examined, Examination))
    for unit, size in (("h", 3600.0), ("min", 60.0)):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"
