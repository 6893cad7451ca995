"""A stretch of a clip as a file: the pictures and the sound of those seconds, and as long as them."""

from fractions import Fraction

import numpy as np
import pytest
from made_media import MadeSound, MadeVideo, click, click_time, frame_numbers, grey_frames, make_media, steady_times

from cmmd.clips.cutting_out import cut_out
from cmmd.clips.reading import probe, read_clip
from cmmd.errors import InputError

TIMES = steady_times(12, 10)


def make_clip(path, times=TIMES, **options):
    picture = MadeVideo(grey_frames(len(times)), times, rate=Fraction(10), **options)
    wave = np.concatenate([click(1.2, 0.7, rate=48_000), click(1.2, 0.8, rate=48_000)])
    return make_media(path, picture, MadeSound(wave, rate=48_000, layout="stereo", codec="flac", sample_format="s16"))


@pytest.mark.parametrize(
    ("start", "end", "seconds", "numbers"),
    [
        (0, 1.2, 1.2, range(12)),
        (0.3, 0.9, 0.6, range(3, 9)),
        (0.25, 0.75, 0.5, range(2, 7)),
        (0.5, None, 0.7, range(5, 12)),
        (0.5, 9, 0.7, range(5, 12)),
        (0.3, 0.31, 0.01, [3]),
    ],
)
def test_pictures_and_length_are_those_of_the_stretch(tmp_path, start, end, seconds, numbers):
    source = make_clip(tmp_path / "a.mkv")
    path = cut_out(source, tmp_path / "cut", start=start, end=end)
    clip = read_clip(path)
    assert path == tmp_path / "cut.mp4" and clip.frames is not None and clip.notes == ()
    assert clip.seconds == pytest.approx(seconds, abs=1e-4)
    assert frame_numbers(clip.frames) == list(numbers)


def test_the_sound_is_there_in_both_channels_and_in_time(tmp_path):
    path = cut_out(make_clip(tmp_path / "a.mkv"), tmp_path / "cut", start=0.5, end=1.1)
    found = probe(path)
    assert (found.audio.channels, found.audio.sample_rate, found.video.video_codec) == (2, 48_000, "h264")
    wave = read_clip(path).waveform
    assert wave is not None and click_time(wave, 16_000) == pytest.approx(0.25, abs=0.002)  # between the two


def test_a_picture_that_is_held_is_held_to_the_end(tmp_path):
    held = [Fraction(0), Fraction(1, 10), Fraction(2, 10), Fraction(5)]
    source = make_media(tmp_path / "a.mkv", MadeVideo(grey_frames(4), held, rate=Fraction(10)))
    for start, end, numbers in ((0, 2.5, [0, 1] + 23 * [2]), (1, 3, 20 * [2])):
        clip = read_clip(cut_out(source, tmp_path / "cut", start=start, end=end))
        assert clip.frames is not None and frame_numbers(clip.frames) == numbers


def test_pictures_with_b_frames_and_late_starts(tmp_path):
    options = {"crf": "12", "preset": "medium", "bf": "3"}
    source = make_clip(tmp_path / "a.mp4", steady_times(12, 10, start=Fraction(1, 5)), options=options)
    clip = read_clip(cut_out(source, tmp_path / "cut", start=0.4, end=0.9))
    assert clip.frames is not None and frame_numbers(clip.frames) == [4, 5, 6, 7, 8]
    assert clip.waveform is not None and click_time(clip.waveform, 16_000) == pytest.approx(0.15, abs=0.01)


def test_a_sound_stays_a_sound(tmp_path):
    wave = click(1.2, 0.7, rate=48_000)
    source = make_media(tmp_path / "a.flac", MadeSound(wave, rate=48_000, codec="flac", sample_format="s16"))
    path = cut_out(source, tmp_path / "cut", start=0.5, end=1)
    clip = read_clip(path)
    assert path.suffix == ".flac" and clip.frames is None and clip.waveform is not None
    assert clip.seconds == 0.5 and click_time(clip.waveform, 16_000) == pytest.approx(0.2, abs=0.001)


def test_the_same_stretch_is_the_same_file(tmp_path):
    source = make_clip(tmp_path / "a.mkv")
    first, second = (cut_out(source, tmp_path / name, start=0.2, end=0.8) for name in ("a", "b"))
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("suffix", ["mkv", "flac"])
def test_a_file_that_ends_before_is_one_line_and_leaves_nothing(tmp_path, suffix):
    wave = MadeSound(click(1.2, 0.7, rate=48_000), rate=48_000, codec="flac", sample_format="s16")
    source = make_clip(tmp_path / "a.mkv") if suffix == "mkv" else make_media(tmp_path / "a.flac", wave)
    with pytest.raises(InputError, match=rf"a\.{suffix}: found an end before 2 s, expected a clip that goes on there"):
        cut_out(source, tmp_path / "cut", start=2, end=3)
    assert [path.name for path in tmp_path.iterdir()] == [source.name]


def test_real_clips_are_cut(data_folder, tmp_path):
    for name in ("vas_dog_02677.mp4", "mmaction2_test.avi", "grid_lwbsza.mpg", "decord_flipping_a_pancake.mkv"):
        source = data_folder / "clips" / name
        asked, cut = (
            read_clip(source, start=1.25, seconds=1.6),
            read_clip(cut_out(source, tmp_path / "cut", start=1.25, end=2.85)),
        )
        assert asked.frames is not None and cut.frames is not None and len(cut.frames) == 16
        assert cut.seconds == pytest.approx(1.6, abs=1e-3)
        assert np.abs(asked.frames.astype(int) - cut.frames).mean() < 3
        assert asked.waveform is not None and cut.waveform is not None
        assert np.abs(asked.waveform - cut.waveform[:25_600]).max() < 0.03
