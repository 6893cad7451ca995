"""High dynamic range pictures (PQ, HLG) as what an ordinary BT.709 display shows (ITU-R BT.2100; the curve is ours).

Display light is counted in units of 203 cd/m2, the white of a page (BT.2408). Up to `KNEE` it stays as it is; what is
brighter bends towards 1, the brightest that BT.709 has.
"""

from functools import cache
from typing import Literal

import numpy as np
from av.video.frame import VideoFrame
from jaxtyping import Float, UInt8, UInt16

Transfer = Literal["pq", "hlg"]

TRANSFERS: dict[int, Transfer] = {16: "pq", 18: "hlg"}  # code points of ITU-T H.273: SMPTE ST 2084, ARIB STD-B67
WHITE = 203.0  # cd/m2 (BT.2408)
HLG_PEAK = 1000.0  # cd/m2 of the display that HLG is meant for
HLG_GAMMA = 1.2  # of that display (BT.2100, table 5)
KNEE = 0.75
BAND = 2**20  # pixels that are mapped at once, in floating point
DISPLAY_GAMMA = 2.4  # of an ordinary display (BT.1886)
LUMA_2020 = np.array([0.2627, 0.6780, 0.0593], np.float32)
BT2020_TO_BT709 = np.array(  # linear light (BT.2087)
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32
)


def transfer_of(frame: VideoFrame) -> Transfer | None:
    """The high dynamic range transfer function that a frame states; None for an ordinary picture."""
    # PyAV before 17 does not tell it of frames.
    return TRANSFERS.get(int(getattr(frame, "color_trc", 0)))


def to_sdr(rgb: UInt16[np.ndarray, "h w 3"], *, transfer: Transfer) -> UInt8[np.ndarray, "h w 3"]:
    """Code values of BT.2020 primaries, 0 black and 65535 the highest code, as code values of BT.709.

    The curve is applied to the largest of red, green and blue and scales all three, so that hues stay.
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
    """Light in units of white as shown, below 1: as it is up to the knee, then smoothly bent (equal slope there)."""
    over = np.maximum(light - KNEE, 0)
    return np.minimum(light, KNEE) + (1 - KNEE) * -np.expm1(-over / (1 - KNEE))


@cache
def _linear(transfer: Transfer) -> Float[np.ndarray, "65536"]:
    """For each code value, cd/m2 (PQ: display light) or scene light from 0 to 1 (HLG)."""
    code = np.arange(65536) / 65535
    if transfer == "pq":  # BT.2100, table 4
        m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
        power = code ** (1 / m2)
        light = 10_000 * (np.maximum(power - c1, 0) / (c2 - c3 * power)) ** (1 / m1)
    else:  # BT.2100, table 5
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        light = np.where(code <= 0.5, code**2 / 3, (np.exp((code - c) / a) + b) / 12)
    return light.astype(np.float32)
