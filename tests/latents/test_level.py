"""The loudest moment and the mean of a sound's log-mel, and the gain that brings both to where a model knows them."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cmmd.clips.geometry import Geometry
from cmmd.data.world.clip import PLAIN_FAMILIES, PLAIN_LEVELS
from cmmd.data.world.families import world_clip
from cmmd.latents.level import LARGEST_GAIN, check_levels, gain_into, loudest_moment, mean_level
from cmmd.latents.spectrogram import LOG_FLOOR, LogMelCodec

CODEC = LogMelCodec(Geometry())


def noise(*, density: float, seed: int = 0) -> np.ndarray:
    """Noise in a share of the time."""
    rng = np.random.default_rng(seed)
    sound = 0.3 * rng.standard_normal(25_600).astype(np.float32)
    return sound * np.repeat(rng.random(16) < density, 1600)


def figures(sound: np.ndarray) -> tuple[float, float]:
    """Loudest moment and mean, from the encoded sound."""
    log_mel = CODEC.encode(torch.from_numpy(sound)[None])[0, 0]
    return float(log_mel.mean(dim=0).max()), float(log_mel.mean())


@settings(deadline=None, max_examples=30)
@given(st.floats(-45, 20), st.floats(0.2, 1.0))
def test_a_sound_is_amplified_until_it_is_loud_enough_and_then_attenuated_until_it_is_not_too_dense(decibels, density):
    sound = noise(density=density) * np.float32(10 ** (decibels / 20))
    faintest, densest = PLAIN_LEVELS
    factor = gain_into(CODEC, sound, PLAIN_LEVELS)
    moment, mean = figures(sound * np.float32(factor))
    if figures(sound)[0] >= faintest and figures(sound)[1] <= densest:
        assert factor == 1.0
    assert mean <= densest + 1e-3
    # Too faint is only what could not be amplified further.
    assert moment >= faintest - 1e-3 or mean >= densest - 1e-3 or factor == pytest.approx(100)


def test_dense_sound_is_turned_down_further_than_sparse_sound_of_the_same_peaks():
    sparse, dense = (gain_into(CODEC, noise(density=density), (-0.8, -3.5)) for density in (0.3, 1.0))
    assert dense < 0.3 * sparse <= 0.3


@pytest.mark.parametrize("family", PLAIN_FAMILIES)
def test_sounds_of_the_plain_families_stay_as_they_are(family):
    """So that figures of the shipped model were measured on these very sounds."""
    for seed in range(1_000_000, 1_000_030):
        assert gain_into(CODEC, world_clip(family, seed).waveform, PLAIN_LEVELS) == 1.0


def test_what_is_far_too_faint_stays_faint_and_silence_stays_silence():
    assert gain_into(CODEC, 1e-7 * noise(density=1.0), PLAIN_LEVELS) == pytest.approx(10 ** (LARGEST_GAIN / 20))
    assert gain_into(CODEC, np.zeros(25_600, np.float32), PLAIN_LEVELS) == 1.0


def test_the_figures_are_those_of_the_encoded_sound():
    sound = noise(density=0.5)
    mel = CODEC.mel(torch.from_numpy(sound)[None])
    assert (loudest_moment(mel), mean_level(mel)) == pytest.approx(figures(sound), abs=1e-6)


@pytest.mark.parametrize("levels", [(-3.0,), (-9.0, -3.0), (-1.0, -4.3), (math.nan, -3.0)])
def test_what_are_no_levels_is_refused(levels):
    assert math.log(LOG_FLOOR) > -9.0
    with pytest.raises(ValueError, match=r"^levels are"):
        check_levels(levels)
