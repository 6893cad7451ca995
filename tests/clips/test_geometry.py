"""One object derives every length, and refuses what does not divide."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmmd.clips.geometry import Geometry


def test_the_papers_like_default():
    geometry = Geometry()
    assert (geometry.hop, geometry.spectrogram_frames, geometry.samples) == (200, 128, 25_600)
    assert (geometry.samples_per_frame, geometry.latent_size, geometry.seconds) == (1600, 8, 1.6)


@given(fps=st.sampled_from([4, 5, 8, 10, 20, 25]), frames=st.integers(1, 64), factor=st.integers(1, 40))
def test_eight_spectrogram_frames_stand_on_every_video_frame(fps, frames, factor):
    geometry = Geometry(fps=fps, frames=frames, sample_rate=8 * fps * factor)
    assert geometry.spectrogram_frames == 8 * frames
    assert geometry.spectrogram_frames * geometry.hop == geometry.samples
    assert geometry.samples == round(geometry.seconds * geometry.sample_rate)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"sample_rate": 16_001}, "sample_rate 16001 is not a multiple"),
        ({"fps": 30}, "sample_rate 16000 is not a multiple of 8 spectrogram frames times fps 30"),
        ({"image_size": 60}, "image_size 60 is not a multiple of 8"),
        ({"frames": 0}, "frames is 0, expected a whole number from 1 to"),
    ],
)
def test_what_does_not_divide_is_refused(sizes, message):
    with pytest.raises(ValueError, match=message):
        Geometry(**sizes)
