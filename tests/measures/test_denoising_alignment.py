"""Denoising alignment: all the way for a model that knows its condition, nothing for a deaf one."""

import pytest
import torch

from cmmd.measures.denoising_alignment import denoising_alignment
from cmmd.models.coupled_unet import CoupledUNet
from cmmd.models.exchange import Condition
from cmmd.models.network_config import NetworkConfig

SIZES = {"frames": 8, "latent_channels": 2, "latent_size": 4, "mels": 16}
NETWORK = NetworkConfig(video_widths=(16, 24), audio_widths=(16, 24), attention_levels=(1,), heads=2)


class Listener(CoupledUNet):
    """Takes what it hears for the clean target, or hears nothing."""

    deaf = False

    def encode_condition(self, latents, *, modality):
        return Condition(modality, (latents,))

    def predict(self, noisy, *, modality, t, condition, hears=None):
        if self.deaf:
            return torch.zeros_like(noisy)
        assert condition is not None
        angle = torch.pi / 2 * t[0, 0]
        heard = condition.messages[0].mean((1, 2, 3, 4))[:, None, None, None]
        noise = (noisy - torch.cos(angle) * heard) / torch.sin(angle)
        return torch.cos(angle) * noise - torch.sin(angle) * heard


@pytest.fixture
def clips() -> tuple[torch.Tensor, torch.Tensor]:
    """Sound and video of nine clips, both at the clip's own level."""
    levels = torch.linspace(-2, 2, 9)
    return levels[:, None, None, None].expand(9, 1, 16, 64), levels[:, None, None, None, None].expand(9, 2, 8, 4, 4)


def test_who_knows_the_condition_gains_all_of_the_error_and_the_deaf_gain_nothing(clips):
    unet = Listener(**SIZES, network=NETWORK)
    assert denoising_alignment(unet, *clips, modality="audio").tolist() == pytest.approx([1.0] * 9, abs=1e-4)
    unet.deaf = True
    assert denoising_alignment(unet, *clips, modality="audio").tolist() == pytest.approx([0.0] * 9, abs=1e-6)


def test_exchanged_conditions_are_worse_than_chance(clips):
    audio, video = clips
    gains = denoising_alignment(
        Listener(**SIZES, network=NETWORK), audio, video.roll(-1, 0), modality="audio", others=8
    )
    assert gains.max() < 1 and gains.mean() < 0.9


def test_the_same_noise_gives_the_same_gains_and_two_clips_are_the_least():
    torch.manual_seed(0)
    unet = CoupledUNet(**SIZES, network=NETWORK)
    for parameter in unet.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    generator = torch.Generator().manual_seed(0)
    video, audio = torch.randn(4, 2, 8, 4, 4, generator=generator), torch.randn(4, 1, 16, 64, generator=generator)
    first = denoising_alignment(unet, video, audio, modality="video")
    assert torch.equal(first, denoising_alignment(unet, video, audio, modality="video"))
    with pytest.raises(ValueError, match="found 1 clips, expected at least 2"):
        denoising_alignment(unet, video[:1], audio[:1], modality="video")
