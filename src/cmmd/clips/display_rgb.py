"""Converts a decoded frame to the 8-bit RGB that an ordinary display shows, in front of black (ours)."""

from typing import NamedTuple

import numpy as np
from av.video.frame import VideoFrame

from cmmd.clips.picture_fit import ordinary_rgb
from cmmd.clips.tone_mapping import transfer_of


class DisplayRGB(NamedTuple):
    """pixels: uint8 (h, w, 3) in stored orientation. transparent: whether any pixel was blended with black."""

    pixels: np.ndarray
    transparent: bool


def display_rgb(frame: VideoFrame) -> DisplayRGB:
    """Returns the pixels of `frame`. High dynamic range is tone-mapped; transparent pixels are blended with black."""
    if not _has_alpha(frame) or transfer_of(frame) is not None:
        return DisplayRGB(ordinary_rgb(frame), False)
    pixels = np.asarray(frame.to_ndarray(format="rgba", threads=1))
    alpha = pixels[..., 3:].astype(np.uint16)
    if alpha.min() == 255:
        return DisplayRGB(np.ascontiguousarray(pixels[..., :3]), False)
    return DisplayRGB(((pixels[..., :3] * alpha + 127) // 255).astype(np.uint8), True)


def _has_alpha(frame: VideoFrame) -> bool:
    return frame.format.name == "pal8" or any(component.is_alpha for component in frame.format.components)
