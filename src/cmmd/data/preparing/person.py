"""Finds the square in which a person moves before a still camera (ours: a stand-in for a person detector)."""

from pathlib import Path

import numpy as np

from cmmd.clips.picture_fit import Region
from cmmd.clips.reading import read_clip

SIZE = 96
"""Side in pixels of the letterboxed picture in which movement is detected."""
SECONDS = 20.0
"""Movement is detected in this duration from the start of the file."""
MOVES = 0.15
"""A pixel moves if its deviation over time is above this share of the largest one; shadows and noise are below it."""
MARGIN = 1.2
"""Side of the square over the larger side of the moving area, because limbs extend past the detected movement."""


def moving_region(file: Path) -> Region | None:
    """Returns a square around all movement in the first `SECONDS`, inside the picture; None when nothing moves.

    Raises InputError for a file without video.
    """
    clip = read_clip(file, fps=5, image_size=SIZE, seconds=SECONDS, fit="letterbox", want="video")
    assert clip.frames is not None
    deviation = clip.frames.astype(np.float32).mean(axis=3).std(axis=0)
    moving = deviation > max(MOVES * deviation.max(), 4.0)  # of 255; camera noise is below it
    if not moving.any():
        return None
    rows, columns = _span(moving.any(axis=1)), _span(moving.any(axis=0))
    # Position without the bars, in units of the picture height, as `Region` expects.
    width, height = _shown(clip.frames)
    left, top = (SIZE - width) / 2, (SIZE - height) / 2
    middle = ((sum(columns) / 2 - left) / height, (sum(rows) / 2 - top) / height)
    side = min(MARGIN * max(rows[1] - rows[0], columns[1] - columns[0]) / height, 1.0, width / height)
    return Region(
        left=float(np.clip(middle[0] - side / 2, 0, width / height - side)),
        top=float(np.clip(middle[1] - side / 2, 0, 1 - side)),
        side=float(side),
    )


def _span(found: np.ndarray) -> tuple[int, int]:
    places = np.flatnonzero(found)
    return int(places[0]), int(places[-1]) + 1


def _shown(frames: np.ndarray) -> tuple[int, int]:
    """Width and height of the picture within its black bars."""
    lit = frames.max(axis=(0, 3)) > 0
    rows, columns = _span(lit.any(axis=1)), _span(lit.any(axis=0))
    # Bars are equal on both sides; an edge that is dark on one side only belongs to the picture.
    height = SIZE - 2 * min(rows[0], SIZE - rows[1])
    width = SIZE - 2 * min(columns[0], SIZE - columns[1])
    return width, height
