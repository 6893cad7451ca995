"""Amount of motion in a video, and the times of its peaks and rests; works on any video without training (ours).

It includes camera motion, and its time resolution is about one frame. Use it where no trained detector exists; the
detector in `visual_events.py` times the impacts in the world's clips.
"""

import numpy as np
from jaxtyping import Float, UInt8

THRESHOLD = 0.1
"""Share of the largest motion of the clip; smaller peaks are ignored."""


def motion(frames: UInt8[np.ndarray, "f h w 3"]) -> Float[np.ndarray, " f"]:
    """Returns the mean absolute change of brightness (0 to 1) from the previous frame; the first value is 0."""
    grey = frames.astype(np.float32).mean(-1) / 255
    return np.concatenate([np.zeros(1), np.abs(np.diff(grey, axis=0)).mean((1, 2))])


def motion_peaks(frames: UInt8[np.ndarray, "f h w 3"], *, fps: float | int) -> Float[np.ndarray, " events"]:
    """Returns the times (s) of the local maxima of motion, refined by a parabola through each peak.

    The change from frame k - 1 to k happens between them: its time is (k - 1/2) / fps.
    """
    moved = motion(frames)
    if len(moved) < 3:
        return np.zeros(0)
    padded = np.pad(moved[1:], 1, constant_values=-np.inf)
    middle = padded[1:-1]
    peaks = np.flatnonzero((middle > padded[:-2]) & (middle >= padded[2:]) & (middle > THRESHOLD * middle.max()))
    return _refined(middle, peaks) / fps


def motion_rests(frames: UInt8[np.ndarray, "f h w 3"], *, fps: float | int) -> Float[np.ndarray, " events"]:
    """Returns the times (s) at which a dancer rests for a moment: local minima of motion, except at the ends (the
    kinematic beats of AIST++, Li et al., arXiv 2101.08779, from pictures instead of joints)."""
    moved = motion(frames)[1:]
    if len(moved) < 3 or moved.max() <= 0:
        return np.zeros(0)
    inner = moved[1:-1]
    rests = np.flatnonzero((inner < moved[:-2]) & (inner <= moved[2:])) + 1
    return _refined(-moved, rests) / fps


def _refined(curve: np.ndarray, peaks: np.ndarray) -> np.ndarray:
    """Refines peaks of `curve` to positions between its samples. Value k is at position k + 1/2. Peaks at an end are
    not refined."""
    found = []
    for peak in peaks:
        shift = 0.0
        if 0 < peak < len(curve) - 1:
            left, middle, right = curve[peak - 1 : peak + 2]
            bend = left - 2 * middle + right
            shift = 0.5 * (left - right) / bend if bend < 0 else 0.0
        found.append(peak + 0.5 + float(np.clip(shift, -0.5, 0.5)))
    return np.array(found, dtype=float)
