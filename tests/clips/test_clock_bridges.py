"""Joined files whose clock starts again or jumps: picture and sound stay together, read and written."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from made_media import (
    MadeSound,
    MadeVideo,
    click,
    click_time,
    grey_frames,
    make_media,
    steady_times,
    tone,
)

from cmmd.clips.clock_bridges import clock_bridges
from cmmd.clips.reading import Clip, probe, read_clip
from cmmd.clips.writing import write_sound_under_video
from cmmd.errors import InputError

RATE = 25
WRAP = Fraction(2**33, 90_000)
"""s after which the clock of MPEG-TS starts again."""
X264 = {"crf": "12", "preset": "ultrafast", "bf": "0", "g": "25"}
B_FRAMES = {"crf": "12", "preset": "ultrafast", "bf": "2", "g": "25", "x264-params": "b-adapt=0"}


def _part(path: Path, *, at: float, seconds: float = 2, start: Fraction | int = 0, options: dict = X264) -> Path:
    """A flash of one frame and a click at `at` seconds after its start."""
    frames = np.full((round(seconds * RATE), 48, 64, 3), 40, np.uint8)
    frames[round(at * RATE)] = 230
    video = MadeVideo(frames, steady_times(len(frames), RATE, start=start), options=options)
    sound = MadeSound(click(seconds, at + 0.5 / RATE), start=Fraction(start))
    return make_media(path, video, sound, format_name="mpegts", mpegts_copyts="1")


def _joined(path: Path, *parts: Path) -> Path:
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


def _flashes(frames: np.ndarray) -> list[float]:
    """Times (s) of the middle of bright frames at RATE."""
    return [(number + 0.5) / RATE for number in np.flatnonzero(frames.mean(axis=(1, 2, 3)) > 130)]


def _clicks(waveform: np.ndarray) -> list[float]:
    """Of two seconds each."""
    halves = np.split(waveform, range(32_000, len(waveform) - 16_000, 32_000))
    return [2 * number + click_time(half, 16_000) for number, half in enumerate(halves)]


STARTS = {
    "again": (0, 0),
    "again, from later on": (300, 0),
    "back by a minute and more": (4000, 10),
    "far ahead": (0, 5000),
    "ahead of the wrap": (0, WRAP - 1000),
}


@pytest.mark.parametrize("starts", STARTS.values(), ids=STARTS.keys())
@pytest.mark.parametrize("options", [X264, B_FRAMES], ids=["in order", "reordered"])
def test_flash_and_click_stay_together(tmp_path: Path, starts: tuple, options: dict) -> None:
    first = _part(tmp_path / "a.ts", at=0.6, start=starts[0], options=options)
    second = _part(tmp_path / "b.ts", at=1.4, start=starts[1], options=options)
    path = _joined(tmp_path / "joined.ts", first, second)
    clip = read_clip(path, fps=RATE)
    assert clip.frames is not None
    assert clip.waveform is not None
    assert clip.seconds == pytest.approx(4, abs=0.001)
    assert probe(path).seconds == pytest.approx(4, abs=0.001)
    assert _flashes(clip.frames) == pytest.approx([0.62, 3.42], abs=0.001)
    assert _clicks(clip.waveform) == pytest.approx(_flashes(clip.frames), abs=0.02)
    assert any("the file's clock jumps once" in note for note in clip.notes)


@pytest.mark.parametrize("target", ["mp4", "mkv"])
def test_the_written_file_has_the_bridged_times(tmp_path: Path, target: str) -> None:
    first, second = _part(tmp_path / "a.ts", at=0.6), _part(tmp_path / "b.ts", at=1.4)
    path, out = _joined(tmp_path / "joined.ts", first, second), tmp_path / f"out.{target}"
    before = read_clip(path, fps=RATE)
    made = click(4, 3.42, rate=16_000)[0]
    result = write_sound_under_video(path, made, out, sample_rate=16_000)
    assert result.copied, result.reason
    after = read_clip(out, fps=RATE)
    assert before.frames is not None
    assert after.frames is not None
    assert after.waveform is not None
    assert after.seconds == pytest.approx(before.seconds, abs=0.002)
    assert np.array_equal(after.frames, before.frames)
    assert click_time(after.waveform, 16_000) == pytest.approx(3.42, abs=0.002)
    with av.open(str(out)) as container:
        times = [frame.time for frame in container.decode(video=0)]
    assert [later - earlier for earlier, later in pairwise(times)] == pytest.approx([1 / RATE] * 99, abs=0.002)


def test_parts_of_different_sizes_are_encoded_again(tmp_path: Path) -> None:
    """One sample entry cannot describe both."""
    first = _part(tmp_path / "a.ts", at=0.6)
    video = MadeVideo(grey_frames(50, size=(96, 128), step=1), steady_times(50, RATE), options=X264)
    second = make_media(tmp_path / "b.ts", video, MadeSound(click(2, 1)), format_name="mpegts")
    path, out = _joined(tmp_path / "joined.ts", first, second), tmp_path / "out.mp4"
    result = write_sound_under_video(path, tone(4, 440, rate=16_000)[0], out, sample_rate=16_000)
    assert result.reason == "its parts are encoded in different ways"
    clip = read_clip(out, fps=RATE)
    assert clip.frames is not None
    assert clip.seconds == pytest.approx(4, abs=0.002)
    assert np.diff(clip.frames[55:, 20:40, 20:40].mean(axis=(1, 2, 3))).mean() == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize(("suffix", "codec"), [("mpg", "mpeg2video"), ("mkv", "libx264"), ("ts", "mpeg2video")])
def test_other_containers_that_were_joined(tmp_path: Path, suffix: str, codec: str) -> None:
    """MPEG program streams store seconds of a small picture before the sound that belongs to it."""
    parts = []
    for name, at in (("a", 0.6), ("b", 1.4)):
        frames = np.full((50, 48, 64, 3), 40, np.uint8)
        frames[round(at * RATE)] = 230
        options = X264 if codec == "libx264" else {"q": "2"}
        video = MadeVideo(frames, steady_times(50, RATE), codec=codec, options=options)
        sound = MadeSound(click(2, at + 0.5 / RATE), codec="mp2", sample_format="s16")
        parts.append(make_media(tmp_path / f"{name}.{suffix}", video, sound))
    clip = read_clip(_joined(tmp_path / f"joined.{suffix}", *parts), fps=RATE)
    assert clip.frames is not None
    assert clip.waveform is not None
    assert clip.seconds == pytest.approx(4, abs=0.001)
    assert _flashes(clip.frames) == pytest.approx([0.62, 3.42], abs=0.001)
    assert _clicks(clip.waveform) == pytest.approx(_flashes(clip.frames), abs=0.002)
    assert any("the file's clock jumps once" in note for note in clip.notes)


def test_three_parts_and_one_without_sound(tmp_path: Path) -> None:
    first, third = _part(tmp_path / "a.ts", at=0.6), _part(tmp_path / "c.ts", at=1.4)
    silent = make_media(
        tmp_path / "b.ts", MadeVideo(np.full((50, 48, 64, 3), 40, np.uint8), steady_times(50), options=X264)
    )
    clip = read_clip(_joined(tmp_path / "joined.ts", first, silent, third), fps=RATE)
    assert clip.frames is not None
    assert clip.waveform is not None
    assert clip.seconds == pytest.approx(6, abs=0.001)
    assert _flashes(clip.frames) == pytest.approx([0.62, 5.42], abs=0.001)
    assert click_time(clip.waveform[64_000:], 16_000) + 4 == pytest.approx(5.42, abs=0.02)
    assert not np.abs(clip.waveform[36_000:62_000]).max() > 0.01


def _in_sync(path: Path, *, at: float) -> Clip:
    """A file of two seconds whose only flash and click are at `at` (s)."""
    clip = read_clip(path, fps=RATE)
    assert clip.frames is not None and clip.waveform is not None
    assert clip.seconds == pytest.approx(2, abs=0.001)
    assert _flashes(clip.frames) == pytest.approx([at], abs=0.001)
    assert click_time(clip.waveform, 16_000) == pytest.approx(at, abs=0.02)
    return clip


def test_a_clock_that_wraps_while_it_runs(tmp_path: Path) -> None:
    path = _part(tmp_path / "wraps.ts", at=1.4, start=WRAP - 1)
    _in_sync(path, at=1.42)


def _break_time(path: Path, number: int, seconds: int) -> None:
    """Write another time into the header of picture `number` (MPEG-TS, pictures in order)."""
    data = bytearray(path.read_bytes())
    place = -1
    for _ in range(number + 1):
        place = data.index(b"\0\0\1\xe0", place + 1)
    ticks = seconds * 90_000
    stamp = [0x21 | (ticks >> 29) & 14, (ticks >> 22) & 255, (ticks >> 14) & 254 | 1, (ticks >> 7) & 255]
    data[place + 9 : place + 14] = bytes([*stamp, (ticks << 1) & 254 | 1])
    path.write_bytes(data)


def test_a_single_broken_time_stamp_is_bridged(tmp_path: Path) -> None:
    path = _part(tmp_path / "v.ts", at=0.6)
    _break_time(path, 8, 4000)
    clip = _in_sync(path, at=0.62)
    assert any("the file's clock jumps once, by 3999" in note for note in clip.notes)


def test_an_ordinary_file_has_no_bridges(tmp_path: Path) -> None:
    """Also one that is paused for minutes, and one whose sound alone is."""
    plain = _part(tmp_path / "a.ts", at=0.6)
    assert clock_bridges(plain).jumps == 0
    slow = make_media(tmp_path / "slow.mkv", MadeVideo(grey_frames(3), [Fraction(0), Fraction(660), Fraction(1320)]))
    assert clock_bridges(slow).jumps == 0
    with pytest.raises(InputError, match="no such file"):
        clock_bridges(tmp_path / "none.ts")
