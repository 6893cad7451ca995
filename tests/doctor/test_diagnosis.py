"""Every defect is found, and told by its name; a good clip has none; doctor and prepare agree on what is usable."""

import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from defective_clips import RATE, SECONDS, good_clip, melody, moving_frames, sound, video
from made_media import make_media, quadrants, set_display_matrix, steady_times

from cmmd.data.preparing.cutting import CutJob, CutSettings, cut
from cmmd.data.preparing.request import ClipRequest
from cmmd.doctor.diagnosis import diagnose
from cmmd.doctor.examination import examine
from cmmd.errors import InputError
from cmmd.runtime.worker_processes import Failure

SHORTEST = 1.6
LEFT_OUT = {"unreadable", "no picture", "no sound", "too short", "silent"}
"""Kinds for which `cmmd prepare` leaves the file out. Other unusable ones it takes, but they teach nothing."""


def found_in(path: Path) -> set[tuple[str, str]]:
    try:
        examined = examine(path, shortest=SHORTEST)
    except InputError as error:
        examined = Failure(str(error))
    return {(finding.severity, finding.kind) for finding in diagnose(examined, path, shortest=SHORTEST)}


def prepared(path: Path) -> bool:
    """Whether `cmmd prepare` gets a clip out of the file."""
    request = ClipRequest(file=path, name=path.name, group=path.name)
    settings = CutSettings(fps=10, frames=48, fewest=16, image_size=64, sample_rate=16000, fit="crop")
    block, goes_on = 0, True
    while goes_on:
        try:
            done = cut(CutJob(request, block, settings))
        except InputError:
            return False
        if done.clips:
            return True
        block, goes_on = block + 1, done.goes_on
    return False


def _late(path: Path, seconds: Fraction) -> Path:
    return make_media(path, video(), sound(melody(seconds=SECONDS - float(seconds)), start=seconds))


def _variable(path: Path) -> Path:
    frames = moving_frames()
    times = [time + Fraction(number % 2, 80) for number, time in enumerate(steady_times(len(frames), RATE))]
    return make_media(path, video(frames, times=times), sound())


def _standstill(path: Path) -> Path:
    frames = moving_frames()
    times = [time + (1 if number >= 30 else 0) for number, time in enumerate(steady_times(len(frames), RATE))]
    return make_media(path, video(frames, times=times), sound(melody(seconds=3.4)))


def _turned(path: Path) -> Path:
    set_display_matrix(make_media(path, video(), sound()), (0, 1, -1, 0))
    return path


def _muted(path: Path) -> Path:
    waveform = melody()
    waveform[:, 30000:60000] = 0
    return make_media(path, video(), sound(waveform))


def _truncated(path: Path) -> Path:
    good_clip(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


def _zeroed(path: Path) -> Path:
    """The middle of the pictures, whose place the file's own table still tells."""
    good_clip(path)
    data = bytearray(path.read_bytes())
    start = data.index(b"mdat") + 4
    length = struct.unpack(">I", data[start - 8 : start - 4])[0]
    third = length // 3
    data[start + third : start + 2 * third] = bytes(third)
    path.write_bytes(data)
    return path


def _loud(factor: float) -> np.ndarray:
    return np.clip(factor * melody(), -1, 1)


CASES: dict[str, tuple[Callable[[Path], Path], set[tuple[str, str]]]] = {
    "good": (good_clip, set()),
    "late": (lambda path: _late(path, Fraction(1, 5)), {("warning", "offset")}),
    "a little late": (lambda path: _late(path, Fraction(1, 25)), {("note", "offset")}),
    "no sound": (lambda path: make_media(path, video()), {("unusable", "no sound")}),
    "no picture": (lambda path: make_media(path, sound()), {("unusable", "no picture")}),
    "silent": (lambda path: make_media(path, video(), sound(0 * melody())), {("unusable", "silent")}),
    "hiss": (lambda path: make_media(path, video(), sound(0.005 * melody())), {("warning", "quiet")}),
    "clipped": (lambda path: make_media(path, video(), sound(_loud(8))), {("warning", "clipping")}),
    "ends early": (
        lambda path: make_media(path, video(), sound(melody(seconds=1.8))),
        {("warning", "length mismatch")},
    ),
    "goes on": (lambda path: make_media(path, video(), sound(melody(seconds=2.55))), {("note", "length mismatch")}),
    "muted": (_muted, {("warning", "sound breaks off")}),
    "telephone": (
        lambda path: make_media(path, video(), sound(melody(rate=8000), rate=8000)),
        {("note", "low sample rate")},
    ),
    "variable": (_variable, {("note", "variable frame rate")}),
    "standstill": (_standstill, {("warning", "standstill")}),
    "slow": (
        lambda path: make_media(
            path, video(moving_frames()[:15], times=steady_times(15, 6), rate=Fraction(6)), sound(melody(seconds=2.5))
        ),
        {("warning", "low frame rate")},
    ),
    "turned": (_turned, {("note", "rotation")}),
    "short": (
        lambda path: make_media(path, video(moving_frames(seconds=1.5)), sound(melody(seconds=1.5))),
        {("unusable", "too short")},
    ),
    "black": (
        lambda path: make_media(path, video(np.zeros_like(moving_frames())), sound()),
        {("unusable", "blank picture")},
    ),
    "slide": (
        lambda path: make_media(path, video(np.stack([quadrants(size=(72, 96))] * 60)), sound()),
        {("warning", "still picture")},
    ),
    "small": (
        lambda path: make_media(path, video(moving_frames(size=(48, 64))), sound()),
        {("warning", "small picture")},
    ),
    "tiny": (
        lambda path: make_media(path, video(moving_frames(size=(12, 16))), sound()),
        {("unusable", "tiny picture")},
    ),
    "wide": (
        lambda path: make_media(path, video(moving_frames(size=(72, 320))), sound()),
        {("warning", "narrow picture")},
    ),
    "anamorphic": (
        lambda path: make_media(path, video(pixel_aspect=Fraction(4, 3)), sound()),
        {("note", "pixel shape")},
    ),
    "two sounds": (lambda path: make_media(path, video(), sound(), sound(melody(1))), {("note", "several sounds")}),
    "truncated": (_truncated, {("unusable", "unreadable")}),
}


@pytest.mark.parametrize("name", CASES)
def test_what_was_spoilt_is_found_and_nothing_else(name: str, tmp_path: Path) -> None:
    make, expected = CASES[name]
    path = make(tmp_path / "clip.mp4")
    found = found_in(path)
    assert found == expected
    left_out = bool({kind for severity, kind in found if severity == "unusable"} & LEFT_OUT)
    assert prepared(path) != left_out


def test_a_zeroed_middle_is_damage(tmp_path: Path) -> None:
    found = found_in(_zeroed(tmp_path / "clip.mp4"))
    assert ("warning", "damaged picture") in found or ("unusable", "picture lost") in found


def test_a_cut_matroska_file_is_cut_short(tmp_path: Path) -> None:
    """It opens, and holds less than its header states."""
    frames, waveform = moving_frames(seconds=6), melody(seconds=6)
    path = make_media(tmp_path / "clip.mkv", video(frames), sound(waveform))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert ("warning", "cut short") in found_in(path)


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("clip.mp4: found text, expected a media file", "found text; cmmd prepare leaves it out"),
        (
            "ended the process that read it (signal 11)",
            "ended the process that read it (signal 11); cmmd prepare leaves it out",
        ),
    ],
)
def test_a_failure_is_told_in_the_readers_words(reason: str, told: str) -> None:
    (finding,) = diagnose(Failure(reason), Path("clip.mp4"), shortest=SHORTEST)
    assert (finding.severity, finding.kind, finding.text) == ("unusable", "unreadable", told)


def test_the_shortest_useful_clip_is_asked_for(tmp_path: Path) -> None:
    path = good_clip(tmp_path / "clip.mp4")
    for shortest, expected in ((2.4, []), (2.5, ["too short"])):
        examined = examine(path, shortest=shortest)
        assert [finding.kind for finding in diagnose(examined, path, shortest=shortest)] == expected
