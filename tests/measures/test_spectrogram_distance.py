"""Spectrogram distances: nothing between equals, the value of a known change, growing with noise."""

import math

import numpy as np
import pytest
from made_sounds import struck_bars

from cmmd.measures.spectrogram_distance import SpectrogramDistances

DISTANCES = SpectrogramDistances()


def test_a_sound_is_no_way_from_itself():
    sound = struck_bars(0).waveform
    distance = DISTANCES(sound, sound)
    assert (distance.l1, distance.l2, distance.convergence) == (0, 0, 0)


def test_twice_as_loud_is_a_known_distance():
    """Noise well above the floor: every bin is ln 2 away, and the difference is as large as the reference."""
    sound = (0.2 * np.random.default_rng(0).normal(size=16_000)).astype(np.float32)
    distance = DISTANCES(2 * sound, sound)
    assert distance.l1 == pytest.approx(math.log(2), rel=1e-3)
    assert distance.l2 == pytest.approx(math.log(2), rel=1e-3)
    assert distance.convergence == pytest.approx(1, rel=1e-5)


def test_more_noise_is_farther_and_a_stranger_farther_still():
    sound, noise = struck_bars(1).waveform, np.random.default_rng(0).normal(size=25_600).astype(np.float32)
    little, much = DISTANCES(sound + 0.003 * noise, sound), DISTANCES(sound + 0.03 * noise, sound)
    assert little.l1 < much.l1 and little.l2 < much.l2 and little.convergence < much.convergence
    other = DISTANCES(struck_bars(2).waveform, sound)
    assert other.convergence > little.convergence


def test_lengths_silence_and_nothing():
    sound = struck_bars(3).waveform
    assert DISTANCES(sound[:20_000], sound).l1 == 0
    assert math.isnan(DISTANCES(sound, np.zeros(25_600, np.float32)).convergence)
    with pytest.raises(ValueError, match="expected 200 or more"):
        DISTANCES(sound[:100], sound)
    assert DISTANCES(sound[:400], sound).l2 == 0  # shorter than any window
