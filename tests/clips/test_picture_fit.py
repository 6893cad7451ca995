"""Pictures of any size as small squares: what bounds the memory changes nothing that is seen."""

from fractions import Fraction

import numpy as np
from av.video.frame import VideoFrame

from cmmd.clips.picture_fit import MOST_PIXELS, Orientation, fit_picture, upright_rgb


def test_a_picture_beyond_4k_looks_as_a_smaller_one():
    across = np.linspace(0, 255, 4096).astype(np.uint8)
    pixels = np.stack(np.broadcast_arrays(across[None], across[:2304, None], np.uint8(90)), axis=-1)
    assert pixels.shape[0] * pixels.shape[1] > MOST_PIXELS
    large, small = (VideoFrame.from_ndarray(np.ascontiguousarray(x)) for x in (pixels, pixels[::2, ::2]))
    shared = {"size": 64, "fit": "crop", "pixel_aspect": Fraction(1), "turn": Orientation()}
    assert np.abs(fit_picture(large, **shared).astype(int) - fit_picture(small, **shared)).max() <= 1
    assert upright_rgb(large, Orientation()).shape == (1152, 2048, 3)
