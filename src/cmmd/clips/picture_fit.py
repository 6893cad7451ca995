"""Fits a decoded picture of any size, pixel shape and orientation into a small upright square (ours).

The order is crop, area resize, turn. A centred square crop commutes with quarter turns and mirrors, so only the small
picture has to be turned.
"""

import struct
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import ceil, floor, isqrt
from typing import Literal

import numpy as np
from av.sidedata.sidedata import SideData
from av.video.frame import VideoFrame

from cmmd.clips.tone_mapping import to_sdr, transfer_of

Fit = Literal["crop", "letterbox"]
MOST_PIXELS = 2**23
"""Largest number of pixels that is resized in one step (4K): as float32 they take 100 MB."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Region:
    """A square region of the picture as shown, in units of the picture's height: the picture has height 1 and a width
    of its aspect ratio."""

    left: float
    top: float
    side: float


@dataclass(frozen=True, slots=True)
class Orientation:
    """Maps stored pixels to shown pixels: the transposition first, then the flips (of the transposed picture)."""

    transpose: bool = False
    flip_x: bool = False
    flip_y: bool = False

    @property
    def rotation(self) -> int:
        """Counter-clockwise rotation in degrees (0, 90, 180, 270). If `mirrored`, a left-right flip follows it."""
        if self.mirrored:
            return Orientation(self.transpose, not self.flip_x, self.flip_y).rotation
        if self.transpose:
            return 90 if self.flip_y else 270
        return 180 if self.flip_x else 0

    @property
    def mirrored(self) -> bool:
        """Whether the handedness of the picture changes; a transposition alone mirrors it."""
        return self.transpose ^ self.flip_x ^ self.flip_y

    def apply(self, picture: np.ndarray) -> np.ndarray:
        """Turns `picture` of shape (h, w, 3). The result is contiguous, of shape (w, h, 3) if transposed."""
        if self.transpose:
            picture = picture.transpose(1, 0, 2)
        return np.ascontiguousarray(picture[:: -1 if self.flip_y else 1, :: -1 if self.flip_x else 1])


def orientation(frame: VideoFrame) -> Orientation:
    """Reads the display matrix in the side data of a frame; `frame.rotation` alone would lose mirroring.

    The matrix holds nine little-endian 32-bit numbers (a b u, c d v, x y w). It maps a point to (a x + c y, b x + d y),
    with y pointing down (FFmpeg, libavutil/display.h). Other angles are rounded to the nearest quarter turn. Call this
    once per stream: reading the side data of a frame creates a reference cycle, which only the garbage collector frees.
    """
    try:
        matrix = frame.side_data.get("DISPLAYMATRIX")
    except ValueError:  # PyAV does not support all kinds of side data, among them one that photos have
        turned = {90: Orientation(True, flip_y=True), 180: Orientation(False, True, True), 270: Orientation(True, True)}
        return turned.get(frame.rotation % 360, Orientation())
    if isinstance(matrix, SideData):
        a, b, _, c, d, *_ = struct.unpack("<9i", bytes(matrix))
        if abs(a) + abs(d) >= abs(b) + abs(c):
            return Orientation(flip_x=a < 0, flip_y=d < 0)
        return Orientation(transpose=True, flip_x=c < 0, flip_y=b < 0)
    return Orientation()


def upright_rgb(frame: VideoFrame, turn: Orientation) -> np.ndarray:
    """Returns the whole picture as shown, uint8 (h, w, 3), with the stored pixel aspect; reduced if larger than 4K."""
    return turn.apply(_bounded_rgb(frame))


def ordinary_rgb(frame: VideoFrame, **size: int) -> np.ndarray:
    """Returns the stored pixels, uint8 (h, w, 3), as an ordinary display shows them: high dynamic range is tone-mapped.

    size: width and height of the result, if resized; each pixel is then the mean of an area.
    """
    options = {"threads": 1, "interpolation": "AREA" if size else None, **size}
    transfer = transfer_of(frame)
    if transfer is None:
        return frame.to_ndarray(format="rgb24", **options)
    return to_sdr(frame.to_ndarray(format="rgb48le", **options), transfer=transfer)


def _bounded_rgb(frame: VideoFrame) -> np.ndarray:
    """Returns `ordinary_rgb`. A picture larger than 4K is reduced by an integer factor, which bounds the memory."""
    factor = isqrt((frame.width * frame.height - 1) // MOST_PIXELS) + 1
    if factor == 1:
        return ordinary_rgb(frame)
    return ordinary_rgb(frame, width=max(1, frame.width // factor), height=max(1, frame.height // factor))


def fit_picture(
    frame: VideoFrame, *, size: int, fit: Fit | Region, pixel_aspect: Fraction, turn: Orientation
) -> np.ndarray:
    """Fits a decoded frame into a square, with antialiasing, and turns it. Returns uint8 (size, size, 3).

    fit: "crop" takes the largest centred square, "letterbox" shows the whole picture with black bars, a region is cut
    out. pixel_aspect: width of a stored pixel over its height.
    """
    if isinstance(fit, Region):
        return _cut_out(
            upright_rgb(frame, turn), fit, size, pixel_aspect=1 / pixel_aspect if turn.transpose else pixel_aspect
        )
    pixels = _bounded_rgb(frame)
    height, width = pixels.shape[:2]
    shown_width, shown_height = float(width * pixel_aspect), float(height)
    if fit == "crop":
        side = min(shown_width, shown_height)
        margin_x, margin_y = (1 - side / shown_width) * width / 2, (1 - side / shown_height) * height / 2
        columns, rows = size, size
    else:
        margin_x, margin_y = 0.0, 0.0
        scale = size / max(shown_width, shown_height)
        columns, rows = max(1, round(shown_width * scale)), max(1, round(shown_height * scale))
    small = _resize(pixels, (margin_x, width - margin_x), (margin_y, height - margin_y), columns, rows)
    square = np.zeros((size, size, 3), np.uint8)
    top, left = (size - rows) // 2, (size - columns) // 2
    square[top : top + rows, left : left + columns] = small
    return turn.apply(square)


def _cut_out(pixels: np.ndarray, region: Region, size: int, *, pixel_aspect: Fraction) -> np.ndarray:
    """Cuts a region out of an upright picture, uint8 (h, w, 3), and resizes it to (size, size, 3)."""
    height, width = pixels.shape[:2]
    across, down = height / float(pixel_aspect), height  # stored pixels per picture height
    x = max(0.0, region.left * across), min(float(width), (region.left + region.side) * across)
    y = max(0.0, region.top * down), min(float(height), (region.top + region.side) * down)
    return np.ascontiguousarray(_resize(pixels, x, y, size, size))


def _resize(pixels: np.ndarray, x: tuple[float, float], y: tuple[float, float], columns: int, rows: int) -> np.ndarray:
    """Resizes the intervals `x` and `y` (in pixels) of `pixels`, uint8 (h, w, 3), to (rows, columns, 3)."""
    height, width = pixels.shape[:2]
    first_x, across = _resize_weights(width, *x, columns)
    first_y, down = _resize_weights(height, *y, rows)
    box = pixels[first_y : first_y + down.shape[1], first_x : first_x + across.shape[1]].astype(np.float32)
    lines = (down @ box.reshape(down.shape[1], -1)).reshape(rows, across.shape[1], 3)
    small = across @ lines.transpose(1, 0, 2).reshape(across.shape[1], -1)
    small = small.reshape(columns, rows, 3).transpose(1, 0, 2)
    return np.clip(np.rint(small), 0, 255).astype(np.uint8)


@lru_cache(maxsize=32)
def _resize_weights(length: int, low: float, high: float, size: int) -> tuple[int, np.ndarray]:
    """Returns the first input pixel and weights (size, n) that resample the interval [low, high) of `length` pixels to
    `size`.

    Shrinking averages the exact area under each new pixel. Enlarging interpolates linearly between pixel centres.
    """
    first, last = floor(low + 1e-6), min(length, ceil(high - 1e-6))
    step = (high - low) / size
    pixels = np.arange(first, last)
    if step >= 1:
        starts = low + step * np.arange(size)[:, None]
        weights = np.minimum(pixels + 1, starts + step) - np.maximum(pixels, starts)
    else:
        centres = np.clip(low + step * (np.arange(size)[:, None] + 0.5), first + 0.5, last - 0.5)
        weights = 1 - np.abs(pixels + 0.5 - centres)
    weights = np.maximum(weights, 0)
    weights /= weights.sum(axis=1, keepdims=True)
    return first, weights.astype(np.float32)
