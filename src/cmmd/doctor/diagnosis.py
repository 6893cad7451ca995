"""Converts the measurements of a file to findings (ours; docs/doctor.md lists the thresholds)."""

from collections.abc import Iterator
from pathlib import Path

from cmmd.clips.geometry import Geometry
from cmmd.data.preparing.cutting import WHOLE
from cmmd.doctor.examination import Examination
from cmmd.doctor.finding import Finding
from cmmd.doctor.picture_findings import picture_findings
from cmmd.doctor.sound_findings import sound_findings
from cmmd.runtime.worker_processes import Failure

CUT_SHORT, CUT_SHORT_TIME = 0.05, 1.0
"""Share and seconds by which a file may be shorter than it states; the larger one applies."""


def diagnose(examined: Examination | Failure, path: Path, *, shortest: float) -> list[Finding]:
    """Returns the findings of one file. shortest: length of the shortest useful clip in s."""
    if isinstance(examined, Failure):
        found, _, _ = examined.reason.removeprefix(f"{path}: ").partition(", expected")
        return [Finding("unusable", "unreadable", f"{found}; cmmd prepare leaves it out")]
    return list(_findings(examined, shortest))


def _findings(examined: Examination, shortest: float) -> Iterator[Finding]:
    pictures, sound, stated, seconds = examined.pictures, examined.sound, examined.stated, examined.seconds
    for note in examined.notes:
        yield Finding("warning", "dead stream", f"{note}; fetch the file again")
    for remark in examined.remarks:
        yield Finding("note", "put right", remark)
    if pictures is None:
        yield Finding("unusable", "no picture", "cmmd prepare leaves it out; cmmd generate makes one")
    if sound is None:
        yield Finding("unusable", "no sound", "cmmd prepare leaves it out; cmmd generate makes one")
    # The number of whole frames, rounded as in `cmmd prepare`.
    fps = Geometry().fps
    if int(seconds * fps + WHOLE) < shortest * fps - WHOLE:
        yield Finding("unusable", "too short", f"{seconds:.2f} s, expected at least {shortest:g} s")
    yield from _stated_length(examined)
    if pictures is not None:
        yield from picture_findings(pictures, examined.info, stated)
    if sound is not None:
        yield from sound_findings(sound, stated, seconds=seconds, has_picture=pictures is not None)


def _stated_length(examined: Examination) -> Iterator[Finding]:
    stated = examined.stated.seconds
    begin = min(0.0, examined.sound.first) if examined.sound is not None else 0.0
    held = max(examined.seconds, examined.sound.end if examined.sound is not None else 0.0) - begin
    if stated is not None and stated - held > max(CUT_SHORT_TIME, CUT_SHORT * stated):
        found = f"states {stated:.1f} s and holds {held:.1f} s; cut short, or a wrong header"
        yield Finding("warning", "cut short", found)
