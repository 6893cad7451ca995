"""Codecs: lengths, round trips with figures, filters against the definition, and the vocoder interface."""

import math

import numpy as np
import pytest
import torch

from cmmd.clips.geometry import Geometry
from cmmd.data.world.clip import PLAIN_FAMILIES
from cmmd.data.world.families import world_clip
from cmmd.latents.spectrogram import ComplexSTFTCodec, LogMelCodec, mel_filters, spectrogram_codec
from cmmd.latents.waveform import GriffinLim, istft, stft
from cmmd.measures.sound_onsets import sound_onsets

GEOMETRY = Geometry()
DECIBELS_PER_NEPER = 20 / math.log(10)


def struck_tone(start: int, frequency: float = 440.0) -> torch.Tensor:
    t = torch.arange(GEOMETRY.samples - start) / GEOMETRY.sample_rate
    tone = 0.5 * torch.exp(-12 * t) * torch.sin(2 * torch.pi * frequency * t)
    return torch.cat([torch.zeros(start), tone])[None]


@pytest.mark.parametrize("name", ["log_mel", "complex_stft"])
@pytest.mark.parametrize("frames", [1, 16, 37])
def test_eight_frames_a_video_frame_and_back_to_the_same_length(name, frames):
    codec = spectrogram_codec(name, GEOMETRY)
    waveform = 0.1 * torch.randn(2, GEOMETRY.samples_of(frames), generator=torch.Generator().manual_seed(0))
    spectrogram = codec.encode(waveform)
    assert spectrogram.shape == (2, codec.channels, codec.bins, 8 * frames)
    assert codec.decode(spectrogram).shape == waveform.shape


def test_stft_is_inverted_exactly():
    waveform = torch.randn(1, 6400, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    sizes = {"fft_size": 1024, "window": 512, "hop": 200}
    back = istft(stft(waveform, **sizes), **sizes)
    # The outermost half window is covered by the falling flank of one frame only.
    assert (back - waveform)[:, 100:-100].abs().max() < 1e-9


def test_complex_codec_keeps_the_waveform():
    waveform = torch.from_numpy(world_clip("impacts", 1).waveform)[None]
    codec = ComplexSTFTCodec(GEOMETRY)
    error = codec.decode(codec.encode(waveform)) - waveform
    assert error.square().mean().sqrt() < 0.05 * waveform.square().mean().sqrt()


@pytest.mark.parametrize("family", PLAIN_FAMILIES)
def test_log_mel_round_trip_keeps_spectrum_and_onsets(family):
    codec = LogMelCodec(GEOMETRY)
    shifts, distances = [], []
    for seed in range(6):
        clip = world_clip(family, 900 + seed)
        spectrogram = codec.encode(torch.from_numpy(clip.waveform)[None])
        back = codec.decode(spectrogram, generator=torch.Generator().manual_seed(0))
        difference = (codec.encode(back) - spectrogram) * DECIBELS_PER_NEPER
        distances.append(difference.square().mean(dim=2).sqrt().mean().item())
        before, after = sound_onsets(clip.waveform).times, sound_onsets(back[0]).times
        shifts += [time - before[np.abs(before - time).argmin()] for time in after if len(before)]
    near = [shift for shift in shifts if abs(shift) < 0.05]
    assert len(near) >= 0.8 * len(shifts)
    assert abs(np.median(near)) < 0.005
    assert np.mean(distances) < 4.0


def test_griffin_lim_approaches_the_magnitude_and_depends_on_its_seed_alone():
    waveform = struck_tone(4000)
    sizes = {"fft_size": 1024, "window": 512, "hop": 200}
    magnitude = stft(waveform, **sizes).abs()
    decoder = GriffinLim(**sizes)
    first, again, other = (decoder(magnitude, generator=torch.Generator().manual_seed(seed)) for seed in (0, 0, 1))
    assert torch.equal(first, again) and not torch.equal(first, other)
    error = (stft(first, **sizes).abs() - magnitude).norm() / magnitude.norm()
    assert error < 0.15


@pytest.mark.parametrize("frames", [48, 40, 41, 95])
def test_blocks_of_griffin_lim_meet_without_a_seam(frames: int):
    # A steady tone: where two blocks disagreed in phase, its level would sink and its spectrum would spread.
    sizes = {"fft_size": 1024, "window": 512, "hop": 200}
    time = torch.arange(200 * frames) / 16_000
    magnitude = stft(torch.sin(2 * torch.pi * 440 * time)[None], **sizes).abs()
    decoder = GriffinLim(**sizes, iterations=100)

    def blocks(size: int) -> torch.Tensor:
        generator = torch.Generator().manual_seed(0)
        return decoder.in_blocks(lambda stretch: magnitude[..., stretch], frames, block=size, generator=generator)

    whole, parts = blocks(frames), blocks(20)
    assert whole.shape == parts.shape == (1, 200 * frames)
    assert torch.equal(whole, decoder(magnitude, generator=torch.Generator().manual_seed(0)))
    errors = [(stft(sound, **sizes).abs() - magnitude).square().sum(1).sqrt() for sound in (whole, parts)]
    assert errors[1].mean() < 2 * errors[0].mean() + 0.02 * magnitude.norm() / frames**0.5
    jumps = parts.diff().abs()
    assert jumps.max() < 1.2 * whole.diff().abs().max()


def test_mel_filters_cover_the_spectrum_and_sum_to_one():
    filters = mel_filters(64, 1024, 16_000)
    assert torch.allclose(filters.sum(1), torch.ones(64))
    peaks = filters.argmax(1)
    assert (peaks.diff() >= 0).all() and peaks[-1] > 480


class UpsamplingVocoder:
    """Stands for a neural vocoder: (b, m, n) to (b, n * hop)."""

    def __call__(self, log_mel: torch.Tensor, *, generator: torch.Generator | None = None) -> torch.Tensor:
        return log_mel.mean(1).repeat_interleave(GEOMETRY.hop, dim=-1)


def test_another_vocoder_takes_griffin_lims_place():
    codec = LogMelCodec(GEOMETRY, vocoder=UpsamplingVocoder())
    spectrogram = torch.randn(2, 1, 64, 128)
    assert torch.allclose(codec.decode(spectrogram)[0, :200], spectrogram[0, 0, :, 0].mean().expand(200))


def test_bad_sizes_are_named():
    with pytest.raises(ValueError, match="fft_size 256 is below twice the hop 200"):
        ComplexSTFTCodec(GEOMETRY, fft_size=256)
    with pytest.raises(ValueError, match="waveform has 999 samples, expected a multiple of the hop 200"):
        LogMelCodec(GEOMETRY).encode(torch.zeros(1, 999))
