"""Comfort noise: its level and colour, what draws it, and where it is added."""

import numpy as np
import pytest
import torch

from cmmd.clips.geometry import Geometry
from cmmd.clips.loudness import measure_loudness
from cmmd.latents.comfort_noise import BLOCK, CORNER, LEVEL, TAPS, comfort_noise
from cmmd.latents.spectrogram import LOG_FLOOR, ComplexSTFTCodec, LogMelCodec
from cmmd.pipelines.take_generation import INAUDIBLE

RATE = 16_000


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def decibels(sound: torch.Tensor) -> float:
    return 20 * float(sound.double().square().mean().sqrt().log10())


@pytest.mark.parametrize("rate", [RATE, 48_000])
def test_it_has_its_level_at_any_rate_and_is_silent_to_a_meter(rate):
    noise = comfort_noise(20 * rate, sample_rate=rate, generator=seeded(0))
    assert decibels(noise) == pytest.approx(LEVEL, abs=0.3)
    assert noise.abs().max() < INAUDIBLE
    # Mastering leaves a take of nothing else as it is.
    assert measure_loudness(noise[0].numpy(), rate).lufs is None


def test_its_power_falls_with_frequency_as_it_is_told():
    noise = comfort_noise(60 * RATE, sample_rate=RATE, generator=seeded(0))[0].double().numpy()
    power = np.square(np.abs(np.fft.rfft(noise.reshape(60, RATE)))).mean(0)  # a bin a hertz

    def band(low: int, high: int) -> float:
        expected = (1 / (1 + np.arange(low, high) / CORNER)).mean()
        return 10 * np.log10(power[low:high].mean() / expected)

    levels = [band(100, 200), band(400, 800), band(1600, 3200), band(4000, 7500)]
    assert max(levels) - min(levels) < 0.5


def test_it_is_white_noise_through_one_filter_also_where_blocks_meet():
    samples = BLOCK + 5_000
    noise = comfort_noise(samples, sample_rate=RATE, generator=seeded(3))[0].double().numpy()
    generator = seeded(3)
    lengths = (TAPS - 1, BLOCK, BLOCK)
    white = np.concatenate([torch.randn(1, length, generator=generator)[0].double().numpy() for length in lengths])
    shape = 1 / np.sqrt(1 + np.fft.rfftfreq(TAPS, 1 / RATE) / CORNER)
    taps = np.fft.fftshift(np.fft.irfft(shape, TAPS))
    taps *= 10 ** (LEVEL / 20) / np.linalg.norm(taps)
    around = slice(BLOCK - 1500, BLOCK + 1500)
    expected = np.convolve(white, taps, "valid")[around]
    assert np.abs(noise[around] - expected).max() < 1e-3 * np.abs(expected).max()


def test_the_generator_determines_it_and_items_differ():
    first, again, other = (comfort_noise(4_000, items=2, sample_rate=RATE, generator=seeded(s)) for s in (0, 0, 1))
    assert torch.equal(first, again)
    pairs = torch.corrcoef(torch.cat([first, other])) - torch.eye(4)
    assert pairs.abs().max() < 0.3
    longer = comfort_noise(150_000, sample_rate=RATE, generator=seeded(5))
    assert torch.equal(longer[:, :4_000], comfort_noise(4_000, sample_rate=RATE, generator=seeded(5)))


def test_decoded_silence_is_the_noise_and_inaudible():
    codec = LogMelCodec(Geometry())
    silence = codec.encode(torch.zeros(1, 25_600))
    sound = codec.decode(silence, generator=seeded(0))
    assert decibels(sound) == pytest.approx(LEVEL, abs=1.0)
    assert float(sound.square().mean().sqrt()) < INAUDIBLE
    # Encoded again it is silence but for a few bands, so that it changes no measure on log-mel.
    assert (codec.mel(sound) > LOG_FLOOR).float().mean() < 0.1
    assert not LogMelCodec(Geometry(), noise=False).decode(silence, generator=seeded(0)).abs().max() > 1e-4


def test_it_is_added_to_what_griffin_lim_makes_with_the_same_phases():
    given = 0.1 * torch.randn(2, 25_600, generator=seeded(1))
    with_noise, without = LogMelCodec(Geometry()), LogMelCodec(Geometry(), noise=False)
    log_mel = with_noise.encode(given)
    difference = with_noise.decode(log_mel, generator=seeded(7)) - without.decode(log_mel, generator=seeded(7))
    generator = seeded(7)
    torch.rand(2, with_noise.fft_size // 2 + 1, log_mel.shape[-1], generator=generator)  # the phases come first
    expected = comfort_noise(25_600, items=2, sample_rate=RATE, generator=generator)
    assert (difference - expected).abs().max() < 1e-6


def test_a_codec_with_phases_and_a_vocoder_get_none():
    spectrogram = ComplexSTFTCodec(Geometry()).encode(torch.zeros(1, 3_200))
    assert not ComplexSTFTCodec(Geometry()).decode(spectrogram, generator=seeded(0)).any()

    def silent(log_mel: torch.Tensor, *, generator: torch.Generator | None = None) -> torch.Tensor:
        return torch.zeros(1, 200 * log_mel.shape[-1])

    vocoder = LogMelCodec(Geometry(), vocoder=silent)
    assert not vocoder.decode(torch.zeros(1, 1, 64, 16), generator=seeded(0)).any()
