"""A strip of small pictures from a file, for the page (ours): upright squares, cropped as in training."""

from fractions import Fraction

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from cmmd.clips.decoding import Picture
from cmmd.clips.picture_fit import fit_picture
from cmmd.clips.stream_choice import Streams

SHOWN = 8
SIZE = 64
QUALITY = "4"
"""JPEG quality on FFmpeg's scale from 2 (best) to 31: 8 kB per strip."""


class ThumbnailStrip:
    """SHOWN pictures from the centres of SHOWN equal segments of the file's `seconds`."""

    def __init__(self, streams: Streams, seconds: float) -> None:
        self._streams = streams
        self._times = [Fraction(seconds) * (2 * number + 1) / (2 * SHOWN) for number in range(SHOWN)]
        self._pixels: list[np.ndarray] = []

    def add(self, picture: Picture, end: Fraction) -> None:
        """Add a picture that is shown until `end` (s after time zero), once for every centre that it covers."""
        due = sum(time < end for time in self._times)
        if due > len(self._pixels):
            square = fit_picture(
                picture.frame,
                size=SIZE,
                fit="crop",
                pixel_aspect=self._streams.pixel_aspect,
                turn=self._streams.turn,
            )
            self._pixels += [square] * (due - len(self._pixels))

    def jpeg(self) -> bytes | None:
        """Returns the pictures side by side as a JPEG file; None if there are none."""
        return _jpeg(np.concatenate(self._pixels, axis=1)) if self._pixels else None


def _jpeg(pixels: np.ndarray) -> bytes:
    """Encodes uint8 (h, w, 3) as a JPEG file."""
    encoder = av.CodecContext.create("mjpeg", "w")
    assert isinstance(encoder, VideoCodecContext)
    frame = VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
    encoder.width, encoder.height, encoder.pix_fmt = frame.width, frame.height, "yuvj420p"
    encoder.time_base, encoder.options = Fraction(1, 25), {"qmin": QUALITY, "qmax": QUALITY, "flags": "+bitexact"}
    frame = frame.reformat(format="yuvj420p", dst_color_range="JPEG")
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])
