"""The mean of a sound's log-mel, and the gain that brings it into a range."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cmmd.clips.geometry import Geometry
from cmmd.data.world.clip import PLAIN_FAMILIES, PLAIN_LEVELS
from cmmd.data.world.families import world_clip
from cmmd.latents.level import LARGEST_GAIN, check_levels, gain_into, mean_level
from cmmd.latents.spectrogram import LOG_FLOOR, LogMelCodec

CODEC = LogMelCodec(Geometry())


def noise(*, density: float, seed: int = 0) -> np.ndarray:
    """Noise in a share of the time."""
    rng = np.random.default_rng(seed)
    sound = 0.3 * rng.standard_normal(25_600).astype(np.float32)
    return sound * np.repeat(rng.random(16) < density, 1600)


def level(sound: np.ndarray) -> float:
    return float(CODEC.encode(torch.from_numpy(sound)[None]).mean())


@settings(deadline=None, max_examples=30)
@given(st.floats(-30, 20), st.floats(0.2, 1.0))
def test_a_sound_is_brought_to_the_nearer_end_of_the_levels(decibels, density):
    sound = noise(density=density) * np.float32(10 ** (decibels / 20))
    factor = gain_into(CODEC, sound, PLAIN_LEVELS)
    found = level(sound * np.float32(factor))
    if PLAIN_LEVELS[0] <= level(sound) <= PLAIN_LEVELS[1]:
        assert factor == 1.0
    else:
        assert found == pytest.approx(PLAIN_LEVELS[0] if factor > 1 else PLAIN_LEVELS[1], abs=1e-3)


def test_dense_sound_is_turned_down_further_than_sparse_sound_of_the_same_peaks():
    sparse, dense = (gain_into(CODEC, noise(density=density), (-4.1, -3.5)) for density in (0.3, 1.0))
    assert dense < 0.3 * sparse <= 0.3


@pytest.mark.parametrize("family", PLAIN_FAMILIES)
def test_sounds_of_the_plain_families_stay_as_they_are(family):
    """So that figures of the shipped model were measured on these very sounds."""
    for seed in range(1_000_000, 1_000_030):
        assert gain_into(CODEC, world_clip(family, seed).waveform, PLAIN_LEVELS) == 1.0


def test_what_is_far_too_faint_stays_faint_and_silence_stays_silence():
    assert gain_into(CODEC, 1e-7 * noise(density=1.0), PLAIN_LEVELS) == pytest.approx(10 ** (LARGEST_GAIN / 20))
    assert gain_into(CODEC, np.zeros(25_600, np.float32), PLAIN_LEVELS) == 1.0


def test_the_mean_is_that_of_the_encoded_sound():
    sound = noise(density=0.5)
    assert mean_level(CODEC.mel(torch.from_numpy(sound)[None])) == pytest.approx(level(sound), abs=1e-6)


@pytest.mark.parametrize("levels", [(-2.0, -3.0), (-3.0,), (-9.0, -3.0), (math.nan, -3.0), (-3.0, -3.0)])
def test_what_are_no_levels_is_refused(levels):
    assert math.log(LOG_FLOOR) > -9.0
    with pytest.raises(ValueError, match=r"^levels are"):
        check_levels(levels)
