"""The sound of a file in two channels: sides stay sides, one channel is on both, more are mixed and told."""

from fractions import Fraction

import numpy as np
import pytest
from made_media import MadeSound, MadeVideo, click, click_time, grey_frames, make_media, steady_times

from cmmd.clips.stereo import read_stereo
from cmmd.clips.writing import write_video

RATE = 48_000


def sound(*clicks: float, rate: int = RATE, layout: str = "stereo", start: Fraction = Fraction(0)) -> MadeSound:
    """A click a channel, at these times."""
    wave = np.concatenate([click(1.2, at, rate=rate) for at in clicks])
    return MadeSound(wave, rate=rate, layout=layout, start=start, codec="flac", sample_format="s16")


def picture(start: Fraction = Fraction(0)) -> MadeVideo:
    return MadeVideo(grey_frames(12), steady_times(12, 10, start=start), rate=Fraction(10))


def test_the_sides_stay_where_they_are(tmp_path):
    made = make_media(tmp_path / "a.mkv", picture(), sound(0.3, 0.9))
    stereo = read_stereo(made, seconds=1.2)
    assert stereo is not None and stereo.notes == ()
    assert stereo.waveform.shape == (2, 57_600) and stereo.waveform.dtype == np.float32
    assert [click_time(side, RATE) for side in stereo.waveform] == pytest.approx([0.3, 0.9], abs=0.001)


def test_another_rate_is_resampled(tmp_path):
    made = make_media(tmp_path / "a.mkv", sound(0.3, 0.9, rate=44_100))
    stereo = read_stereo(made)
    assert stereo is not None and stereo.waveform.shape == (2, 57_600)
    assert [click_time(side, RATE) for side in stereo.waveform] == pytest.approx([0.3, 0.9], abs=0.001)


def test_time_zero_is_the_first_picture_and_a_stretch_is_counted_from_it(tmp_path):
    late = make_media(tmp_path / "a.mkv", picture(Fraction(1, 5)), sound(0.5, 0.9))
    stereo = read_stereo(late, start=Fraction(1, 10), seconds=0.8)
    assert stereo is not None and stereo.waveform.shape == (2, 38_400)
    assert [click_time(side, RATE) for side in stereo.waveform] == pytest.approx([0.2, 0.6], abs=0.001)


def test_one_channel_is_on_both_sides(tmp_path):
    stereo = read_stereo(make_media(tmp_path / "a.mkv", sound(0.4, layout="mono")))
    assert stereo is not None and np.array_equal(*stereo.waveform) and stereo.notes == ()
    assert click_time(stereo.waveform[0], RATE) == pytest.approx(0.4, abs=0.001)


def test_more_channels_are_mixed_and_told(tmp_path):
    stereo = read_stereo(make_media(tmp_path / "a.mkv", sound(0.2, 0.4, 0.6, 0.8, layout="4.0")))
    assert stereo is not None and np.array_equal(*stereo.waveform)
    assert stereo.notes == ("the mean of 4 channels is heard on both sides",)
    assert np.abs(stereo.waveform[0]).max() == pytest.approx(0.2, abs=0.02)


def test_a_silent_video_has_none(tmp_path):
    write_video(grey_frames(4), tmp_path / "a.mp4", fps=10)
    assert read_stereo(tmp_path / "a.mp4") is None
