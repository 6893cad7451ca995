"""Cut clips: what is seen and heard at one moment stays together, whatever the container says about time."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from made_folder import small_config
from made_media import MadeSound, MadeVideo, click, click_time, make_media, steady_times

from cmmd.data.preparing.cutting import CutJob, cut
from cmmd.data.preparing.request import ClipRequest
from cmmd.errors import InputError


def flash(times: list[Fraction], at: float) -> np.ndarray:
    """A dark film that is white from the frame on that is shown at `at` (s)."""
    frames = np.full((len(times), 48, 48, 3), 20, np.uint8)
    frames[max(number for number, time in enumerate(times) if time <= at) :] = 250
    return frames


STEADY = steady_times(100)
VARYING = [Fraction(number, 25) + Fraction(number % 3, 100) for number in range(100)]
CASES = {
    "late sound.mp4": (STEADY, 1.24),
    "late sound.mkv": (STEADY, 0.083),
    "late video.mp4": (steady_times(100, start=Fraction("0.4")), 0.0),
    "late video.mkv": (steady_times(100, start=Fraction("0.08")), 0.0),
    "edit list.mp4": (steady_times(110, start=Fraction(-10, 25)), 0.2),
    "variable rate.mp4": (VARYING, 0.0),
    "variable rate.mkv": (VARYING, 0.2),
}


@pytest.mark.parametrize("name", CASES)
def test_a_click_and_a_flash_stay_together(tmp_path: Path, name: str):
    """On the files' common clock both are at 2.4 s: in the clip from then on, within 2 ms; the clock starts with the
    video."""
    times, late = CASES[name]
    moment = Fraction("2.4") + max(times[0], 0)
    shown = min(times, key=lambda time: abs(time - moment))
    sound = MadeSound(click(4 - late, float(shown) - late + 0.02), start=Fraction(str(late)))
    path = make_media(tmp_path / name, MadeVideo(flash(times, float(shown)), times), sound)
    request = ClipRequest(file=path, name=name, group=name)
    found = cut(CutJob(request, 0, small_config().cutting))
    (clip,) = (clip for clip in found.clips if np.abs(clip.waveform).max() > 0.3)
    heard = clip.start + click_time(clip.waveform, 16000)
    assert heard == pytest.approx(float(shown - max(times[0], 0)) + 0.02, abs=0.002)
    first = np.flatnonzero(clip.frames.mean(axis=(1, 2, 3)) > 128)[0]
    assert -0.001 <= clip.start + first / 10 - float(shown - max(times[0], 0)) < 0.1 - 0.001  # on the grid of 10 Hz


def test_a_stretch_that_hangs_over_the_end_is_moved(tmp_path: Path):
    path = make_media(tmp_path / "a.mkv", MadeVideo(flash(STEADY, 3.6), STEADY), MadeSound(click(4, 3.6)))
    request = ClipRequest(file=path, name="a", group="a", start=3.5)
    (clip,) = cut(CutJob(request, 0, small_config().cutting)).clips
    assert len(clip.frames) == 16 and clip.start == pytest.approx(2.4, abs=0.01)
    assert clip.start + click_time(clip.waveform, 16000) == pytest.approx(3.6, abs=0.002)


def test_the_sound_of_another_file_takes_the_place_of_its_own(tmp_path: Path):
    video = make_media(tmp_path / "a.mp4", MadeVideo(flash(STEADY, 0.5), STEADY), MadeSound(click(4, 3.0)))
    other = make_media(tmp_path / "a.wav", MadeSound(click(4, 0.5), codec="pcm_s16le", sample_format="s16"))
    request = ClipRequest(file=video, name="a", group="a", sound=other)
    (clip, *_) = cut(CutJob(request, 0, small_config().cutting)).clips
    assert click_time(clip.waveform, 16000) == pytest.approx(0.5, abs=0.002)


def test_what_cannot_be_a_clip_says_why(tmp_path: Path):
    mute = make_media(tmp_path / "mute.mp4", MadeVideo(flash(STEADY, 1), STEADY))
    with pytest.raises(InputError, match="found no sound, expected a file with video and sound"):
        cut(CutJob(ClipRequest(file=mute, name="a", group="a"), 0, small_config().cutting))
    short = make_media(tmp_path / "short.mp4", MadeVideo(flash(STEADY, 1)[:30], STEADY[:30]), MadeSound(click(4, 1)))
    with pytest.raises(InputError, match=r"found 1\.20 s, expected at least 1\.6 s"):
        cut(CutJob(ClipRequest(file=short, name="a", group="a"), 0, small_config().cutting))
