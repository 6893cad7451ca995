"""Distances of frames as sets: nothing to themselves, whatever their order; what is added shows in its unit."""

import numpy as np
import pytest
import torch

from cmmd.clips.geometry import Geometry
from cmmd.latents.spectrogram import LogMelCodec
from cmmd.measures.frame_distances import picture_distance, spectrum_distance
from cmmd.measures.frechet import frechet_distance


def takes(count: int, *, size: int = 16, seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.integers(60, 120, (20, size, size, 3), dtype=np.uint8) for _ in range(count)]


def test_the_same_pictures_in_another_order_are_at_no_distance():
    made = takes(6)
    assert picture_distance([take[::-1].copy() for take in reversed(made)], made) == pytest.approx(0, abs=1e-6)


def test_brighter_pictures_are_as_far_as_they_are_brighter():
    """51 grey levels are 20 per cent, on each of 8 x 8 fields of three colours."""
    made = takes(6)
    brighter = [take + np.uint8(51) for take in made]
    assert picture_distance(brighter, made) == pytest.approx(8 * 8 * 3 * 20**2, rel=1e-6)


def test_a_field_is_the_mean_of_its_pixels():
    """Detail below a field's size does not count: pixels exchanged within 2 x 2 fields of 16 x 16 pictures."""
    made = takes(6)
    exchanged = [
        np.concatenate([take[:, :, 1::2, None], take[:, :, 0::2, None]], 3).reshape(take.shape) for take in made
    ]
    assert picture_distance(exchanged, made) == pytest.approx(0, abs=1e-6)
    apart = [np.roll(take, 5, axis=2) for take in made]
    assert picture_distance(apart, made) > 1


def test_sounds_are_compared_by_their_log_mel_frames():
    rng = np.random.default_rng(0)
    one, other = ([scale * rng.standard_normal(16_000).astype(np.float32) for _ in range(3)] for scale in (0.1, 0.2))
    codec = LogMelCodec(Geometry())
    frames = [torch.cat([codec.encode(torch.from_numpy(x)[None])[0, 0].T for x in sounds]) for sounds in (one, other)]
    assert spectrum_distance(one, other) == pytest.approx(frechet_distance(*frames), rel=1e-9)
    # Twice as loud: log 2 in each of 64 bins.
    assert spectrum_distance(one, other) == pytest.approx(64 * np.log(2) ** 2, rel=0.1)
