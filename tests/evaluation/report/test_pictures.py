"""Claims about pictures: they are drawn for any length, and a failure leaves nothing behind."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from cmmd.evaluation.report.pictures import (
    MATCHED,
    UNMATCHED,
    figure_sound_for_video,
    figure_video_for_sound,
    log_spectrogram,
)


def clip(frames: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    grey = np.full((frames, 32, 32, 3), 200, dtype=np.uint8)
    return grey, (0.1 * rng.normal(size=frames * 1600)).astype(np.float32)


def pixels_of(path: Path, colour: str) -> int:
    """How many pixels of a picture have a colour written #rrggbb."""
    wanted = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)]) / 255
    return int((np.abs(imread(path)[..., :3] - wanted).max(-1) < 0.02).sum())


@pytest.mark.parametrize("frames", [1, 16, 61])
def test_a_clip_of_any_length_has_its_picture(tmp_path: Path, frames: int) -> None:
    video, sound = clip(frames)
    out = figure_sound_for_video(
        video,
        10,
        sound,
        sample_rate=16000,
        events_seen=[0.02],
        events_heard=[],
        reference=sound[:-7],
        path=tmp_path / "a.png",
    )
    assert out.stat().st_size > 5000
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_events_that_meet_and_events_that_do_not_have_different_colours(tmp_path: Path) -> None:
    video, sound = clip(16)
    events = {
        "none": ([], []),
        "met": ([0.5], [0.53]),
        "missed": ([0.5], [0.9]),
    }
    counts = {}
    for name, (seen, heard) in events.items():
        out = figure_video_for_sound(
            video, 10, sound, sample_rate=16000, events_seen=seen, events_heard=heard, path=tmp_path / f"{name}.png"
        )
        counts[name] = pixels_of(out, MATCHED), pixels_of(out, UNMATCHED)
    assert counts["met"][0] > counts["none"][0]
    assert counts["met"][1] == counts["none"][1]
    assert counts["missed"][1] > counts["none"][1]
    assert counts["missed"][0] == counts["none"][0]


def test_a_picture_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    video, sound = clip(4)
    with pytest.raises(ValueError, match="nope"):
        figure_video_for_sound(
            video, 10, sound, sample_rate=16000, events_seen=[], events_heard=[], path=tmp_path / "a.nope"
        )
    assert not list(tmp_path.iterdir())


def test_the_spectrogram_shows_a_tone_at_its_frequency() -> None:
    level, frequency = log_spectrogram(np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000), sample_rate=16000)
    assert level.shape == (len(frequency), 200)
    assert level.max() == pytest.approx(0.0)
    assert frequency[level[:, 100].argmax()] == pytest.approx(1000, rel=0.03)
