"""Claims about pitch: a known tone is measured to a hertz, rank correlation is Spearman's."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from made_sounds import struck_bar

from cmmd.data.world.families import world_clip
from cmmd.measures.pitch import dominant_frequency, rank_correlation


@pytest.mark.parametrize("frequency", [110.0, 233.7, 880.0, 2000.3, 5000.0])
def test_the_fundamental_of_a_struck_bar_is_found_to_a_few_hertz(frequency: float) -> None:
    rng = np.random.default_rng(0)
    sound = struck_bar(0.5, frequency=frequency, decay=0.2, samples=25600, rng=rng) + 0.01 * rng.normal(size=25600)
    assert dominant_frequency(sound, 0.5) == pytest.approx(frequency, abs=2.0)
    assert dominant_frequency(torch.from_numpy(sound), 0.5) == dominant_frequency(sound, 0.5)


def test_hum_below_80_hz_is_ignored() -> None:
    t = np.arange(16000) / 16000
    sound = np.sin(2 * np.pi * 50 * t) + 0.3 * np.sin(2 * np.pi * 700 * t)
    assert dominant_frequency(sound, 0.2) == pytest.approx(700, abs=2)


def test_silence_and_the_end_of_a_sound_have_no_pitch() -> None:
    assert np.isnan(dominant_frequency(np.zeros(16000), 0.1))
    assert np.isnan(dominant_frequency(np.ones(16000), 0.999))
    assert np.isnan(dominant_frequency(np.ones(16000), 5.0))


def mean_ranks(values: np.ndarray) -> list[float]:
    """A tie has the mean of the ranks that it covers."""
    return [(values < value).sum() + ((values == value).sum() + 1) / 2 for value in values]


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=3, max_size=20))
def test_rank_correlation_is_spearmans(pairs: list[tuple[int, int]]) -> None:
    a, b = np.array(pairs, dtype=float).T
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        assert np.isnan(rank_correlation(a, b))
    else:
        assert rank_correlation(a, b) == pytest.approx(np.corrcoef(mean_ranks(a), mean_ranks(b))[0, 1], abs=1e-12)


def test_pairs_without_a_pitch_are_left_out() -> None:
    a, b = np.array([1.0, 2.0, np.nan, 3.0]), np.array([10.0, 20.0, 0.0, 30.0])
    assert rank_correlation(a, b) == pytest.approx(1.0)
    assert np.isnan(rank_correlation(a[:2], b[:2]))
    with pytest.raises(ValueError, match="4 values with 3"):
        rank_correlation(a, b[:3])


def test_the_true_sound_of_impacts_has_the_pitch_that_was_written_down() -> None:
    true, found = [], []
    for clip in (world_clip("impacts", seed) for seed in range(20)):
        for event in clip.events:
            true.append(event.frequency)
            found.append(dominant_frequency(clip.waveform, event.time, window=0.1))
    assert rank_correlation(np.array(found), np.array(true)) > 0.95
