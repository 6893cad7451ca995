"""Motion: a blink is timed between its frames, a swing rests at its ends, a still picture does neither."""

import numpy as np
import pytest

from cmmd.measures.motion import motion, motion_peaks, motion_rests


def bar_at(positions: np.ndarray) -> np.ndarray:
    """Frames of a soft vertical bar at each position (pixels)."""
    x = np.arange(64)
    bars = 255 * np.exp(-0.5 * ((x[None] - positions[:, None]) / 6) ** 2)
    return np.repeat(np.repeat(bars[:, None, :, None], 64, axis=1), 3, axis=3).astype(np.uint8)


def test_a_blink_is_timed_between_its_frames():
    frames = np.zeros((10, 8, 8, 3), np.uint8)
    frames[4:] = 255
    assert motion(frames).tolist() == [0, 0, 0, 0, 1, 0, 0, 0, 0, 0]
    assert motion_peaks(frames, fps=10) == pytest.approx([0.35])


def test_a_swing_moves_most_in_the_middle_and_rests_at_its_ends():
    t = np.arange(32) / 20
    frames = bar_at(32 + 20 * np.sin(2 * np.pi * 1.25 * t))  # middle at 0, 0.4, 0.8, 1.2; ends at 0.2, 0.6, 1.0, 1.4
    rests = motion_rests(frames, fps=20)
    assert all(np.abs(rests - end).min() < 0.03 for end in (0.2, 0.6, 1.0, 1.4))
    peaks = motion_peaks(frames, fps=20)
    assert all(np.abs(peaks - middle).min() < 0.06 for middle in (0.4, 0.8, 1.2))


@pytest.mark.parametrize("frames", [np.zeros((10, 8, 8, 3), np.uint8), np.full((1, 4, 4, 3), 9, np.uint8)])
def test_a_still_picture_has_neither(frames):
    assert len(motion_peaks(frames, fps=10)) == len(motion_rests(frames, fps=10)) == 0
