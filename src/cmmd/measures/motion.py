"""How much a video moves, and when it moves most and least: what can be timed in any video without training (ours).

It sees all motion, of the camera too, and no finer than a frame: the detector in `visual_events.py` times the world's
impacts, this serves where there is no such detector.
"""

import numpy as np
from jaxtyping import Float, UInt8

THRESHOLD = 0.1
"""Of the largest motion of the clip: a smaller peak does not count."""


def motion(frames: UInt8[np.ndarray, "f h w 3"]) -> Float[np.ndarray, " f"]:
    """Mean absolute change of brightness (0 to 1) from the frame before; the first is 0."""
    grey = frames.astype(np.float32).mean(-1) / 255
    return np.concatenate([np.zeros(1), np.abs(np.diff(grey, axis=0)).mean((1, 2))])


def motion_peaks(frames: UInt8[np.ndarray, "f h w 3"], *, fps: float | int) -> Float[np.ndarray, " events"]:
    """Times (s) at which a clip moves more than before and after, by a parabola through the peak.

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
    """Times (s) at which a dancer comes to rest for a moment: inner minima of motion (the kinematic beats of AIST++,
    Li et al., arXiv 2101.08779, taken from pictures instead of joints)."""
    moved = motion(frames)[1:]
    if len(moved) < 3 or moved.max() <= 0:
        return np.zeros(0)
    inner = moved[1:-1]
    rests = np.flatnonzero((inner < moved[:-2]) & (inner <= moved[2:])) + 1
    return _refined(-moved, rests) / fps


def _refined(curve: np.ndarray, peaks: np.ndarray) -> np.ndarray:
    """Peaks of `curve`, whose value k stands at k + 1/2, between its samples; those at an end stay where they are."""
    found = []
    for peak in peaks:
        shift = 0.0
        if 0 < peak < len(curve) - 1:
            left, middle, right = curve[peak - 1 : peak + 2]
            bend = left - 2 * middle + right
            shift = 0.5 * (left - right) / bend if bend < 0 else 0.0
        found.append(peak + 0.5 + float(np.clip(shift, -0.5, 0.5)))
    return np.array(found, dtype=float)
