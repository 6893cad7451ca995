"""The square around who moves: where it is, and what is cut out of a frame."""

import numpy as np
from made_media import MadeVideo, make_media, steady_times

from cmmd.clips.reading import read_clip
from cmmd.data.preparing.person import moving_region


def dancer(*, still: bool = False) -> np.ndarray:
    """A white box that sways by 8 pixels around (x, y) = (120, 60) in a grey picture of 160 x 90 with a black edge."""
    frames = np.full((25, 90, 160, 3), 90, np.uint8)
    frames[:, :, :10] = 0
    for number, frame in enumerate(frames):
        left = 110 + (0 if still else round(8 * np.sin(number / 2)))
        frame[40:80, left : left + 20] = 250
    return frames


def test_the_square_holds_all_movement_and_little_else(tmp_path):
    path = make_media(tmp_path / "a.mp4", MadeVideo(dancer(), steady_times(25, 5)))
    region = moving_region(path)
    assert region is not None
    left, right = region.left * 90, (region.left + region.side) * 90
    top, bottom = region.top * 90, (region.top + region.side) * 90
    assert left <= 102 and right >= 138 and top <= 40 and bottom >= 80
    assert region.side * 90 < 60 and right <= 160 and bottom <= 90
    seen = read_clip(path, fps=5, image_size=64, fit=region, want="video").frames
    whole = read_clip(path, fps=5, image_size=64, want="video").frames
    assert seen is not None and whole is not None
    assert (seen > 200).mean() > 2 * (whole > 200).mean()


def test_nothing_moves_in_a_still_picture(tmp_path):
    assert moving_region(make_media(tmp_path / "a.mp4", MadeVideo(dancer(still=True), steady_times(25, 5)))) is None
