"""Maps high dynamic range pictures (PQ, HLG) to an ordinary BT.709 display (ITU-R BT.2100; the curve is ours).

Display light is in units of 203 cd/m2, the reference white (BT.2408). Up to `KNEE` it is unchanged. Brighter light is
compressed towards 1, the largest value of BT.709.
"""

from functools import cache
from typing import Literal

import numpy as np
from av.video.frame import VideoFrame
from jaxtyping import Float, UInt8, UInt16

Transfer = Literal["pq", "hlg"]

TRANSFERS: dict[int, Transfer] = {16: "pq", 18: "hlg"}  # code points of ITU-T H.273: SMPTE ST 2084, ARIB STD-B67
WHITE = 203.0  # cd/m2 (BT.2408)
HLG_PEAK = 1000.0  # cd/m2 of the reference display of HLG
HLG_GAMMA = 1.2  # of that display (BT.2100, table 5)
KNEE = 0.75
BAND = 2**20  # pixels converted at once, in floating point
DISPLAY_GAMMA = 2.4  # of an ordinary display (BT.1886)
LUMA_2020 = np.array([0.2627, 0.6780, 0.0593], np.float32)
BT2020_TO_BT709 = np.array(  # linear light (BT.2087)
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32
)


def transfer_of(frame: VideoFrame) -> Transfer | None:
    """Returns the high dynamic range transfer function that a frame states; None for an ordinary picture."""
    # Frames of PyAV before 17 do not have this attribute.
    return TRANSFERS.get(int(getattr(frame, "color_trc", 0)))


def to_sdr(rgb: UInt16[np.ndarray, "h w 3"], *, transfer: Transfer) -> UInt8[np.ndarray, "h w 3"]:
    """Converts code values of BT.2020 primaries, from 0 (black) to 65535, to 8-bit code values of BT.709.

    The curve is applied to the largest of red, green and blue and scales all three, which preserves the hue.
    """
    shown = np.empty(rgb.shape, np.uint8)
    rows = max(1, BAND // max(1, rgb.shape[1]))
    for top in range(0, len(rgb), rows):
        shown[top : top + rows] = _displayed(rgb[top : top + rows], transfer)
    return shown


def _displayed(rgb: UInt16[np.ndarray, "h w 3"], transfer: Transfer) -> UInt8[np.ndarray, "h w 3"]:
    scene = _linear(transfer)[rgb]
    if transfer == "hlg":
        luminance = np.maximum(scene @ LUMA_2020, 1e-6)[..., None]
        light = scene * luminance ** np.float32(HLG_GAMMA - 1) * np.float32(HLG_PEAK / WHITE)
    else:
        light = scene * np.float32(1 / WHITE)
    light = np.maximum(light @ BT2020_TO_BT709.T, 0)
    brightest = np.maximum(light.max(axis=-1, keepdims=True), 1e-9)
    shown = light * (shoulder(brightest) / brightest)
    return np.rint(255 * shown ** np.float32(1 / DISPLAY_GAMMA)).clip(0, 255).astype(np.uint8)


def shoulder(light: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """Compresses light in units of white to less than 1: identity up to the knee, then a smooth curve of equal slope
    there."""
    over = np.maximum(light - KNEE, 0)
    return np.minimum(light, KNEE) + (1 - KNEE) * -np.expm1(-over / (1 - KNEE))


@cache
def _linear(transfer: Transfer) -> Float[np.ndarray, "65536"]:
    """Returns a table from code values to linear light: display light in cd/m2 (PQ), or scene light from 0 to 1
    (HLG)."""
    code = np.arange(65536) / 65535
    if transfer == "pq":  # BT.2100, table 4
        m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
        power = code ** (1 / m2)
        light = 10_000 * (np.maximum(power - c1, 0) / (c2 - c3 * power)) ** (1 / m1)
    else:  # BT.2100, table 5
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        light = np.where(code <= 0.5, code**2 / 3, (np.exp((code - c) / a) + b) / 12)
    return light.astype(np.float32)
