"""Beats: a click track is followed, music in anti-phase gets nothing, and each side is told by itself."""

import math

import numpy as np
import pytest
from made_sounds import SAMPLE_RATE, struck_bar

from cmmd.measures.beat_agreement import beat_agreement, beat_times


def clicks(period: float, *, start: float = 0.2, seconds: float = 6.0) -> tuple[np.ndarray, np.ndarray]:
    """A bar struck on every beat in faint noise, and the beats."""
    rng = np.random.default_rng(0)
    times = np.arange(start, seconds - 0.1, period)
    samples = round(seconds * SAMPLE_RATE)
    bars = [struck_bar(t, frequency=700, decay=0.05, samples=samples, rng=np.random.default_rng(1)) for t in times]
    return 0.3 * (np.sum(bars, axis=0) + 0.001 * rng.normal(size=samples)), times


@pytest.mark.parametrize("period", [0.35, 0.5, 0.6, 0.8])
def test_a_steady_pulse_is_followed(period):
    waveform, times = clicks(period)
    agreement = beat_agreement(beat_times(waveform, sample_rate=SAMPLE_RATE), times)
    assert agreement.f1 > 0.9


def test_a_missing_stroke_does_not_stop_the_pulse():
    waveform, times = clicks(0.5)
    waveform[round(2.6 * SAMPLE_RATE) : round(3.15 * SAMPLE_RATE)] *= 0.001  # the stroke at 2.7 s
    found = beat_times(waveform, sample_rate=SAMPLE_RATE)
    assert beat_agreement(found, times).true > 0.85


def test_anti_phase_music_gets_nothing():
    """Same tempo and number of beats, half a beat off: counts and rates agree, the music does not."""
    one, times = clicks(0.5)
    other, _ = clicks(0.5, start=0.45)
    found = beat_times(other, sample_rate=SAMPLE_RATE)
    assert abs(len(found) - len(times)) <= 1
    assert beat_agreement(found, beat_times(one, sample_rate=SAMPLE_RATE)).f1 == 0


def test_each_side_is_told_by_itself():
    every_other = beat_agreement([0.0, 1.0, 2.0], [0.0, 0.5, 1.0, 1.5, 2.0, 2.5])
    assert (every_other.found, every_other.true) == (1.0, 0.5)
    assert every_other.f1 == pytest.approx(2 / 3)
    twice = beat_agreement([0.0, 0.5, 1.0, 1.5], [0.0, 1.0])
    assert (twice.found, twice.true) == (0.5, 1.0)


def test_no_beats_is_nothing_to_tell():
    assert len(beat_times(np.zeros(SAMPLE_RATE), sample_rate=SAMPLE_RATE)) == 0
    assert math.isnan(beat_agreement([], [1.0]).f1) and beat_agreement([], [1.0]).true == 0
    assert beat_agreement([0.2], [1.0]).f1 == 0
