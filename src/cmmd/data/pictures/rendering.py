"""Renders many procedural pictures in a fixed order, in worker processes that do not need torch (ours)."""

from collections.abc import Iterator
from functools import partial

import numpy as np

from cmmd.data.pictures.picture import picture
from cmmd.data.rendering_pool import in_processes


def render_pictures(count: int, *, size: int = 64) -> Iterator[np.ndarray]:
    """Yields pictures 0 to `count` - 1, each uint8 (size, size, 3)."""
    yield from in_processes(partial(picture, size=size), range(count))
