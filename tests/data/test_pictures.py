"""Procedural pictures: pure functions of a seed, the same scene at any size, with the statistics of natural ones."""

import colorsys

import numpy as np
import pytest
from picture_statistics import luminance, spectrum_slope

from cmmd.data.pictures.blur import blurred
from cmmd.data.pictures.outlines import blob, box, capsule, ellipse, turned
from cmmd.data.pictures.palette import from_hsv
from cmmd.data.pictures.picture import picture, pictures
from cmmd.data.pictures.textures import NUMBERS, SIDE, STEP, atlas, texture


@pytest.fixture(scope="module")
def many() -> np.ndarray:
    return pictures(range(240))


def test_same_seed_same_picture_and_another_seed_another():
    first = picture(5)
    assert first.shape == (64, 64, 3) and first.dtype == np.uint8
    assert np.array_equal(first, picture(5)) and not np.array_equal(first, picture(6))


def test_a_picture_is_the_same_scene_at_any_size():
    def likeness(one: np.ndarray, other: np.ndarray) -> float:
        large = other.reshape(64, 2, 64, 2, 3).mean((1, 3))
        return float(np.corrcoef(luminance(one[None]).ravel(), luminance(large[None]).ravel())[0, 1])

    same = [likeness(picture(seed), picture(seed, size=128)) for seed in range(12)]
    other = [likeness(picture(seed), picture(seed + 1, size=128)) for seed in range(12)]
    assert np.median(same) > 0.9 and max(np.median(other), 0) < 0.5


def test_sizes_that_do_not_divide_are_refused():
    with pytest.raises(ValueError, match="size is 60, expected a multiple of 8"):
        picture(0, size=60)


def test_the_statistics_are_those_of_natural_pictures(many):
    """Measured on real frames by benchmarks/picture_statistics.py: slope -1.42, kurtosis 21, contrast 0.20."""
    light = luminance(many)
    steps = np.diff(light, axis=2)
    assert -1.8 < spectrum_slope(many).mean() < -1.3
    assert 12 < (steps**4).mean() / (steps**2).mean() ** 2 < 40
    assert 0.14 < light.std((1, 2)).mean() < 0.24 and 0.3 < light.mean() < 0.5


def test_the_slope_of_noise_of_a_known_spectrum_is_found():
    rng = np.random.default_rng(0)
    radius = np.maximum(np.hypot(np.fft.fftfreq(64)[:, None], np.fft.rfftfreq(64)), 1 / 64)
    for exponent in (0.5, 1.5):
        noise = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((20, 64, 64))) * radius**-exponent, s=(64, 64))
        frames = np.clip(128 + 25 * noise / noise.std(), 0, 255).astype(np.uint8)[..., None].repeat(3, -1)
        assert spectrum_slope(frames).mean() == pytest.approx(-exponent, abs=0.2)


@pytest.mark.parametrize("number", range(0, NUMBERS, 37))
def test_textures_are_standard_and_tile(number):
    values = texture(number)
    assert values.shape == (SIDE, SIDE, 3) and np.abs(values.mean()) < 0.05 and 0.8 < values.std() < 1.01
    seam = np.abs(values[:, 0] - values[:, -1]).mean()
    inside = np.abs(np.diff(values, axis=1)).mean((0, 2))
    assert seam <= max(2.5 * inside.mean(), 1.2 * inside.max())


def test_the_atlas_holds_the_textures():
    planes = atlas().reshape(3, NUMBERS, SIDE, SIDE)
    found = planes[:, 41].transpose(1, 2, 0) * STEP - 3
    assert np.abs(found - texture(41)).max() <= 0.51 * STEP


def test_blur_keeps_the_mean_of_what_is_even_and_spreads_a_point():
    even = np.full((16, 24, 3), 0.3, np.float32)
    assert blurred(even, 2.0) == pytest.approx(even, abs=1e-5)
    point = np.zeros((33, 33, 1), np.float32)
    point[16, 16] = 1
    spread = blurred(point, 2.0)[..., 0]
    offset = np.arange(33) - 16
    assert (spread.sum(0) * offset**2).sum() == pytest.approx(4.0, rel=0.02)
    assert (spread.sum(1) * offset**2).sum() == pytest.approx(4.0, rel=0.02)


def test_colours_are_those_of_colorsys():
    rng = np.random.default_rng(0)
    hue, saturation, value = rng.uniform(-1, 2, 40), rng.random(40), rng.random(40)
    known = [colorsys.hsv_to_rgb(h % 1, s, v) for h, s, v in zip(hue, saturation, value, strict=True)]
    assert from_hsv(hue, saturation, value) == pytest.approx(np.array(known), abs=1e-6)


def test_outlines_have_the_areas_of_their_shapes():
    def area(corners: np.ndarray) -> float:
        x, y = corners.T
        return 0.5 * abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1)))

    assert area(ellipse(3, 2, corners=64)) == pytest.approx(6 * np.pi, rel=0.01)
    assert area(box(3, 2)) == pytest.approx(24)
    assert area(box(3, 2, rounding=1)) == pytest.approx(24 - (4 - np.pi), rel=0.01)
    assert area(capsule(10, 1, 1)) == pytest.approx(20 + np.pi, rel=0.02)
    assert area(turned(box(3, 2), 0.7)) == pytest.approx(24)
    assert area(blob(np.random.default_rng(0), 3, 2, roughness=0.2)) == pytest.approx(6 * np.pi, rel=0.5)
