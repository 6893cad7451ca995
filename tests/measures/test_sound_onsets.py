"""Claims about the onset detector: exact on clean attacks, deaf to noise, fair to faint events."""

import numpy as np
import pytest
import torch
from made_sounds import SAMPLE_RATE, struck_bar, struck_bars

from cmmd.clips.geometry import Geometry
from cmmd.data.world.clip import PLAIN_FAMILIES, Family
from cmmd.data.world.families import world_clip
from cmmd.latents.spectrogram import LogMelCodec
from cmmd.measures.alignment import measure_alignment
from cmmd.measures.sound_onsets import sound_onsets


@pytest.mark.parametrize("seed", range(8))
def test_clean_attacks_are_found_within_5_ms_and_nothing_else_is(seed: int) -> None:
    made = struck_bars(seed, snr=20)
    found = sound_onsets(made.waveform).times
    assert len(found) == len(made.times)
    assert np.abs(found - made.times).max() < 0.005


def test_the_time_of_an_attack_is_not_biased() -> None:
    offsets = np.concatenate([sound_onsets(m.waveform).times - m.times for m in map(struck_bars, range(20))])
    assert abs(np.median(offsets)) < 0.001


def test_an_event_thirty_times_fainter_is_heard_half_a_second_after_a_loud_one() -> None:
    rng = np.random.default_rng(0)
    loud = struck_bar(0.4, frequency=300, decay=0.08, samples=25600, rng=rng)
    faint = struck_bar(0.95, frequency=900, decay=0.08, samples=25600, rng=rng) / 30
    sound = 0.5 * (loud + faint) + 1e-4 * rng.normal(size=25600)
    np.testing.assert_allclose(sound_onsets(sound).times, [0.4, 0.95], atol=0.005)


@pytest.mark.parametrize("tilt", [0.0, 0.5, 1.0, 1.5])
def test_steady_noise_holds_less_than_one_event_a_minute(tilt: float) -> None:
    # Over 240 s of each noise the rate was 0, 1, 0 and 0 events; a minute of each is heard here.
    rng = np.random.default_rng(int(10 * tilt))
    spectrum = np.fft.rfft(rng.normal(size=(15, 4 * SAMPLE_RATE)))
    noise = np.fft.irfft(spectrum / (1 + np.arange(spectrum.shape[1]) / 400) ** tilt)
    assert sum(len(sound_onsets(piece)) for piece in noise) <= 1


@pytest.mark.parametrize("frequency", [47.0, 100.0, 440.0, 3000.0])
def test_a_steady_tone_and_its_cut_ends_are_no_events(frequency: float) -> None:
    tone = 0.5 * np.sin(2 * np.pi * frequency * np.arange(25600) / SAMPLE_RATE)
    assert len(sound_onsets(tone)) == 0


def test_two_low_tones_that_beat_are_one_event() -> None:
    t = np.maximum(np.arange(25600) / SAMPLE_RATE - 0.4, 0)
    sound = np.exp(-t / 0.2) * (np.sin(2 * np.pi * 60 * t) + np.sin(2 * np.pi * 82 * t)) * (t > 0)
    assert len(sound_onsets(sound + 1e-3 * np.random.default_rng(0).normal(size=25600))) == 1


def test_silence_and_crumbs_of_sound_hold_no_events() -> None:
    assert len(sound_onsets(np.zeros(16000, np.float32))) == 0
    assert len(sound_onsets(np.ones(10, np.float32))) == 0
    assert len(sound_onsets(np.zeros(0, np.float32))) == 0


def test_loudness_does_not_move_an_onset() -> None:
    waveform = struck_bars(1).waveform
    np.testing.assert_allclose(sound_onsets(waveform).times, sound_onsets(0.01 * waveform).times, atol=1e-4)


def test_a_delayed_sound_has_equally_delayed_onsets() -> None:
    waveform = struck_bars(2).waveform
    late = np.concatenate([waveform[:480], waveform[:-480]])  # 30 ms
    np.testing.assert_allclose(sound_onsets(late).times - sound_onsets(waveform).times, 0.03, atol=0.0015)


def test_array_and_tensor_give_the_same_onsets() -> None:
    waveform = struck_bars(3).waveform
    np.testing.assert_array_equal(sound_onsets(waveform).times, sound_onsets(torch.from_numpy(waveform)).times)


def test_a_waveform_with_nan_is_refused() -> None:
    with pytest.raises(ValueError, match="not finite"):
        sound_onsets(np.full(16000, np.nan))


@pytest.mark.parametrize("family", PLAIN_FAMILIES)
def test_the_ceiling_on_the_world_is_high_before_and_after_the_codec(family: Family) -> None:
    clips = [world_clip(family, 500 + seed) for seed in range(12)]
    true = [clip.event_times for clip in clips]
    report = measure_alignment([sound_onsets(clip.waveform).times for clip in clips], true)
    assert report.at(0.05).f1 > 0.97
    assert report.median_absolute_offset < 0.003
    codec = LogMelCodec(Geometry())
    sounds = torch.stack([torch.from_numpy(clip.waveform) for clip in clips[:6]])
    decoded = codec.decode(codec.encode(sounds), generator=torch.Generator().manual_seed(0))
    report = measure_alignment([sound_onsets(sound).times for sound in decoded], true[:6])
    assert report.at(0.05).f1 > 0.95
    assert report.median_absolute_offset < 0.005
