"""High dynamic range as an ordinary display shows it, against values worked out by hand."""

import numpy as np
import pytest
from av.video.frame import VideoFrame

from cmmd.clips.tone_mapping import BAND, shoulder, to_sdr, transfer_of


def _grey(code: float) -> np.ndarray:
    return np.full((2, 3, 3), round(code * 65535), np.uint16)


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        (0.0, 0),
        # PQ 0.5081 is 100 cd/m2 (BT.2100): 100 / 203 = 0.4926, and 255 * 0.4926 ** (1 / 2.4) = 189.8
        (0.508078, 190),
        # 203 cd/m2 is white: 0.75 + 0.25 (1 - 1 / e) = 0.908, and 255 * 0.908 ** (1 / 2.4) = 245.0
        (0.580689, 245),
        (0.751827, 255),  # 1000 cd/m2
        (1.0, 255),  # 10,000 cd/m2
    ],
)
def test_pq_levels_are_shown_as_their_light(code: float, shown: int) -> None:
    assert np.abs(to_sdr(_grey(code), transfer="pq").astype(int) - shown).max() <= 1


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        (0.0, 0),
        # HLG 0.5 is scene light 1 / 12; 1000 (1 / 12) ** 1.2 = 50.7 cd/m2; 255 * (50.7 / 203) ** (1 / 2.4) = 143
        (0.5, 143),
        # HLG 0.75 is scene light 0.265; 1000 * 0.265 ** 1.2 = 203 cd/m2, as white as above
        (0.75, 245),
        (1.0, 255),
    ],
)
def test_hlg_levels_are_shown_as_their_light(code: float, shown: int) -> None:
    assert np.abs(to_sdr(_grey(code), transfer="hlg").astype(int) - shown).max() <= 1


def test_colours_of_bt709_come_back_as_they_were() -> None:
    """BT.709 red in BT.2020 is 0.6274, 0.0691, 0.0164 (BT.2087): at 100 cd/m2 PQ codes 0.4587, 0.2476, 0.1497."""
    light = 100 * np.array([0.6274, 0.0691, 0.0164]) / 10_000
    m1, m2, c1, c2, c3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875
    code = ((c1 + c2 * light**m1) / (1 + c3 * light**m1)) ** m2
    shown = to_sdr(np.broadcast_to(np.rint(code * 65535).astype(np.uint16), (2, 2, 3)), transfer="pq")[0, 0]
    assert abs(int(shown[0]) - 190) <= 1
    assert shown[1:].max() <= 20  # less than 2 thousandths of the light


def test_the_curve_rises_without_a_corner() -> None:
    light = np.linspace(0, 5, 5001)
    slope = np.diff(shoulder(light)) / np.diff(light)
    assert slope.min() > 0 and np.abs(np.diff(slope)).max() < 0.005
    assert shoulder(light).max() < 1


@pytest.mark.parametrize(("code_point", "transfer"), [(1, None), (2, None), (14, None), (16, "pq"), (18, "hlg")])
def test_a_frame_says_what_it_is(code_point: int, transfer: str | None) -> None:
    frame = VideoFrame(16, 16, "yuv420p10le")
    frame.color_trc = code_point
    assert transfer_of(frame) == transfer


def test_a_large_picture_is_mapped_as_its_rows_are():
    codes = np.random.default_rng(0).integers(0, 65536, (5, BAND // 2, 3), dtype=np.uint16)
    whole = to_sdr(codes, transfer="hlg")
    assert np.array_equal(whole, np.concatenate([to_sdr(row[None], transfer="hlg") for row in codes]))
