"""The vocoder: lengths, the frames that it sees, blocks of a long sound, and what it can be trained to."""

import pytest
import torch

from cmmd.clips.geometry import Geometry
from cmmd.latents import spectrum_vocoder
from cmmd.latents.spectrogram import LogMelCodec
from cmmd.latents.spectrum_vocoder import SpectrumVocoder
from cmmd.losses.waveform import waveform_losses


def small_vocoder(**sizes: int) -> SpectrumVocoder:
    torch.manual_seed(0)
    return SpectrumVocoder(**{"width": 16, "hidden": 24, "depth": 2} | sizes).eval()


def log_mel(frames: int, *, items: int = 2) -> torch.Tensor:
    return torch.randn(items, 64, frames, generator=torch.Generator().manual_seed(0)) - 1.5


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@torch.no_grad()
@pytest.mark.parametrize("sizes", [{}, {"subframes": 1}, {"subframes": 4, "fft_size": 400}, {"hop": 160}])
def test_every_frame_gives_a_hop(sizes):
    vocoder = small_vocoder(**sizes)
    found = vocoder(log_mel(9), vocoder.draw_noise(log_mel(9), generator(0)))
    assert found.shape == (2, 9 * vocoder.config["hop"]) and found.isfinite().all()


@torch.no_grad()
def test_reach_tells_how_far_it_sees():
    vocoder, given = small_vocoder(), log_mel(60)
    noise = vocoder.draw_noise(given, generator(0))
    changed = given.clone()
    changed[..., 30] += 1
    moved = (vocoder(changed, noise) - vocoder(given, noise)).abs().amax(0).reshape(60, 200).amax(1) > 1e-6
    frames = moved.nonzero().flatten()
    assert 30 - vocoder.reach <= frames.min() < 30 - 6 and 30 + 6 < frames.max() <= 30 + vocoder.reach


@torch.no_grad()
def test_blocks_give_the_sound_of_the_whole(monkeypatch):
    vocoder, given = small_vocoder(), log_mel(100)
    whole = vocoder.decode(given, generator=generator(3))
    monkeypatch.setattr(spectrum_vocoder, "BLOCK", 32)
    torch.testing.assert_close(vocoder.decode(given, generator=generator(3)), whole, rtol=0, atol=1e-5)


@torch.no_grad()
def test_the_noise_is_that_of_the_generator_and_what_lies_just_above_the_floor_is_silence():
    vocoder, given = small_vocoder(), log_mel(20)
    first, again, other = (vocoder.decode(given, generator=generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again) and not torch.allclose(first, other, atol=1e-4)
    assert torch.equal(vocoder.decode(given), vocoder.decode(given, generator=generator(0)))
    floor = LogMelCodec(Geometry()).encode(torch.zeros(1, 4000))[:, 0]
    assert torch.equal(vocoder.decode(floor + 0.5), vocoder.decode(floor))
    assert not torch.allclose(vocoder.decode(floor + 1.5), vocoder.decode(floor), atol=1e-4)


def test_it_learns_a_sound():
    codec = LogMelCodec(Geometry())
    time = torch.arange(8000) / 16_000
    sound = (0.2 * torch.sin(2 * torch.pi * 880 * time) * torch.exp(-8 * time))[None]
    given, vocoder = codec.encode(sound)[:, 0], small_vocoder(width=32, hidden=64).train()
    optimiser, losses = torch.optim.Adam(vocoder.parameters(), 5e-3), []
    for step in range(60):
        found = waveform_losses(vocoder(given, vocoder.draw_noise(given, generator(step))), sound, sample_rate=16_000)
        losses.append(torch.stack(found).sum(0).mean())
        optimiser.zero_grad()
        losses[-1].backward()
        optimiser.step()
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize(
    ("sizes", "told"),
    [
        ({"width": 0}, "width is 0, expected at least 1"),
        ({"subframes": 3}, "subframes 3 and fft_size 512 do not fit the hop 200"),
        ({"fft_size": 128}, "subframes 2 and fft_size 128 do not fit the hop 200"),
    ],
)
def test_sizes_that_give_no_waveform_are_refused(sizes, told):
    with pytest.raises(ValueError, match=told):
        small_vocoder(**sizes)
