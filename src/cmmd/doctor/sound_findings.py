"""Findings about a file's sound, from its measurements (ours; docs/doctor.md lists the thresholds)."""

from collections.abc import Iterator
from math import log10

from cmmd.clips.geometry import Geometry
from cmmd.clips.reading import WORTH_A_NOTE
from cmmd.data.preparing.cutting import SILENT
from cmmd.doctor.examination import Stated
from cmmd.doctor.finding import Finding
from cmmd.doctor.sound_measures import SoundMeasures

VERY_QUIET, QUIET = 1e-3, 10 ** (-45 / 20)
"""RMS, 60 and 45 dB below full scale."""
CLIPPED, A_LITTLE_CLIPPED = 1e-3, 1e-4
"""Share of clipped samples."""
LATE, A_LITTLE_LATE = 0.1, 0.005
"""s between the start of picture and sound: one training frame, and the timestamp jitter of containers."""
LONG_PART, LONG_TIME = 0.1, 1.0
"""Share of the picture's length, and s, by which the length of the sound may differ; the smaller one applies."""
ZERO_TIME = 0.5
"""s of exact silence between two sounds that cause a warning."""
PARTLY_SILENT = 0.2
"""Share of the file's length that may be silent."""


def sound_findings(sound: SoundMeasures, stated: Stated, *, seconds: float, has_picture: bool) -> Iterator[Finding]:
    """Yield all findings about the sound. seconds: length of the file."""
    if sound.loudest < SILENT:
        yield Finding("unusable", "silent", f"never louder than {_decibels(SILENT)}; cmmd prepare leaves it out")
    else:
        yield from _level(sound, seconds)
    yield from _damage(sound)
    if has_picture:
        yield from _offset(sound, seconds)
    if sound.rate < Geometry().sample_rate:
        yield Finding("note", "low sample rate", f"{sound.rate} Hz; nothing is heard above {sound.rate / 2000:g} kHz")
    if stated.sounds > 1:
        found = f"{stated.sounds} sound streams; the default one (then that with most channels) is used"
        yield Finding("note", "several sounds", found)


def _level(sound: SoundMeasures, seconds: float) -> Iterator[Finding]:
    if sound.level < QUIET:
        found = f"{_decibels(sound.level)} on average; it may be nothing but noise"
        yield Finding("warning" if sound.level < VERY_QUIET else "note", "quiet", found)
    if sound.clipped >= A_LITTLE_CLIPPED:
        found = f"{sound.clipped:.2%} of the samples are cut at full scale; it is distorted for good"
        yield Finding("warning" if sound.clipped >= CLIPPED else "note", "clipping", found)
    if sound.silent > PARTLY_SILENT * seconds:
        found = f"{sound.silent:.1f} of {seconds:.1f} s; cmmd prepare leaves out clips that are silent altogether"
        yield Finding("warning", "partly silent", found)
    if sound.zero >= ZERO_TIME:
        found = f"exactly zero for {sound.zero:.2f} s from {sound.zero_at:.2f} s on; lost, or muted"
        yield Finding("warning", "sound breaks off", found)


def _damage(sound: SoundMeasures) -> Iterator[Finding]:
    for found in sound.damage.notes("sound"):
        yield Finding("warning", "damaged sound", f"{found}; fetch the file again")
    if sound.gaps:
        yield Finding("warning", "gaps in the sound", f"{sound.gaps} filled with silence")


def _offset(sound: SoundMeasures, seconds: float) -> Iterator[Finding]:
    if abs(sound.first) >= A_LITTLE_LATE:
        side, follows = ("after", "silence fills it") if sound.first > 0 else ("before", "what comes before is cut")
        found = f"sound starts {1000 * abs(sound.first):.0f} ms {side} the picture; cmmd keeps them in time, {follows}"
        yield Finding("warning" if abs(sound.first) >= LATE else "note", "offset", found)
    missing = seconds - sound.end
    if abs(missing) > WORTH_A_NOTE:
        how = f"sound ends {missing:.2f} s before the picture; silence fills the rest"
        if missing < 0:
            how = f"sound goes on for {-missing:.2f} s after the picture; that is cut"
        bad = abs(missing) > min(LONG_TIME, LONG_PART * seconds)
        yield Finding("warning" if bad else "note", "length mismatch", how)


def _decibels(level: float) -> str:
    return f"{20 * log10(max(level, 1e-9)):.0f} dB"
