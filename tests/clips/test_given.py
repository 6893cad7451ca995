"""What a user gives as a clip: files, clips and arrays, and what they lack in one line."""

from pathlib import Path

import numpy as np
import pytest

from cmmd.clips.geometry import Geometry
from cmmd.clips.given import Track, as_clip
from cmmd.clips.reading import Clip
from cmmd.clips.writing import write_sound, write_video
from cmmd.errors import InputError

GEOMETRY = Geometry()
FRAMES = np.zeros((16, 64, 64, 3), np.uint8)
SOUND = np.zeros(25_600, np.float32)


def test_arrays_are_clips_at_the_rates_of_the_model():
    picture = as_clip(FRAMES, geometry=GEOMETRY, needs={"video"})
    sound = as_clip(SOUND.astype(np.float64), geometry=GEOMETRY, needs={"audio"})
    assert picture.frames is FRAMES and picture.seconds == sound.seconds == 1.6
    assert sound.waveform is not None and sound.waveform.dtype == np.float32


def test_a_file_is_read_for_what_is_needed(tmp_path):
    write_video(FRAMES, tmp_path / "clip.mp4", fps=10, waveform=SOUND + 0.1, sample_rate=16_000)
    both = as_clip(tmp_path / "clip.mp4", geometry=GEOMETRY, needs={"video", "audio"})
    assert both.frames is not None and both.waveform is not None and len(both.waveform) == 25_600
    assert as_clip(str(tmp_path / "clip.mp4"), geometry=GEOMETRY, needs={"video"}).waveform is None


def clip(frames: np.ndarray | None = FRAMES, waveform: np.ndarray | None = SOUND, fps=10.0, rate=16_000) -> Clip:
    return Clip(frames, waveform, fps, rate, 1.6, Path("some.mp4"))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (FRAMES, "the clip: found no audio, expected a clip with audio and video"),
        (SOUND, "the clip: found no video, expected a clip with audio and video"),
        (clip(waveform=None), "some.mp4: found no audio"),
        (clip(frames=None), "some.mp4: found no video"),
        (clip(frames=FRAMES[:0]), "some.mp4: found no video"),
        (clip(waveform=SOUND[:0]), "some.mp4: found no audio"),
        (clip(fps=25.0), "found frames of 64 x 64 at 25 fps, expected 64 x 64 at 10 fps"),
        (clip(frames=FRAMES[:, :32]), "found frames of 64 x 32 at 10 fps"),
        (clip(rate=48_000), "found 48000 Hz, expected 16000 Hz"),
        (FRAMES[0], "the array: found 3 axes"),
    ],
)
def test_what_is_missing_is_one_line(given, told):
    with pytest.raises(InputError) as raised:
        as_clip(given, geometry=GEOMETRY, needs={"video", "audio"})
    assert told in str(raised.value) and len(str(raised.value).splitlines()) == 1


def test_files_that_lack_a_part_are_named(tmp_path):
    write_video(FRAMES, tmp_path / "silent.mp4", fps=10)
    write_sound(SOUND + 0.1, tmp_path / "sound.wav", sample_rate=16_000)
    for name, missing in (("silent.mp4", "audio"), ("sound.wav", "video")):
        with pytest.raises(InputError, match=f"{name}: found no {missing}"):
            as_clip(tmp_path / name, geometry=GEOMETRY, needs={"video", "audio"})


def test_a_file_within_the_largest_length_is_read_as_without_one(tmp_path):
    write_video(FRAMES, tmp_path / "clip.mp4", fps=10, waveform=SOUND + 0.1, sample_rate=16_000)
    everything: list[set[Track]] = [{"video"}, {"audio"}, {"video", "audio"}]
    for needs in everything:
        free = as_clip(tmp_path / "clip.mp4", geometry=GEOMETRY, needs=needs)
        limited = as_clip(tmp_path / "clip.mp4", geometry=GEOMETRY, needs=needs, longest=1.65)
        assert (free.seconds, free.notes) == (limited.seconds, limited.notes)
        for found, expected in ((limited.frames, free.frames), (limited.waveform, free.waveform)):
            assert (found is None) == (expected is None)
            assert found is None or expected is None or np.array_equal(found, expected)


@pytest.mark.parametrize("needs", [{"video"}, {"audio"}, {"video", "audio"}])
def test_a_file_beyond_the_largest_length_is_one_line_and_not_read_to_its_end(tmp_path, needs, monkeypatch):
    frames = np.zeros((200, 64, 64, 3), np.uint8)
    write_video(frames, tmp_path / "long.mp4", fps=10, waveform=np.zeros(320_000, np.float32), sample_rate=16_000)
    seen = []
    original = Clip.__init__
    monkeypatch.setattr(Clip, "__init__", lambda *a, **k: seen.append(a[5]) or original(*a, **k))
    with pytest.raises(InputError, match=r"long.mp4: found more than 1.5 s, expected at most 1.5 s"):
        as_clip(tmp_path / "long.mp4", geometry=GEOMETRY, needs=needs, longest=1.5)
    assert seen and max(seen) <= 2.0


def test_a_long_sound_under_a_short_picture_is_too_long_for_a_task_of_sound(tmp_path):
    write_video(FRAMES, tmp_path / "clip.mp4", fps=10, waveform=np.zeros(64_000, np.float32), sample_rate=16_000)
    assert as_clip(tmp_path / "clip.mp4", geometry=GEOMETRY, needs={"video"}, longest=2).seconds <= 2
    for_sound: list[set[Track]] = [{"audio"}, {"video", "audio"}]
    for needs in for_sound:
        with pytest.raises(InputError, match="more than 2 s"):
            as_clip(tmp_path / "clip.mp4", geometry=GEOMETRY, needs=needs, span="audio", longest=2)
