"""Retrieval by denoising error: a model that listens finds the condition, a deaf one is at chance."""

import pytest
import torch

from cmmd.diffusion.hearing import CONDITION_SEED
from cmmd.measures.denoising_alignment import denoising_alignment
from cmmd.measures.retrieval import retrieve
from cmmd.models.blocks import Modality
from cmmd.models.coupled_unet import CoupledUNet
from cmmd.models.exchange import Condition
from cmmd.models.network_config import NetworkConfig

SIZES = {"frames": 8, "latent_channels": 2, "latent_size": 4, "mels": 16}
NETWORK = NetworkConfig(video_widths=(16, 24), audio_widths=(16, 24), attention_levels=(1,), heads=2)


class Listener(CoupledUNet):
    """Knows the clean target if the condition is its own: a message that is the target itself."""

    hears_well = True

    def encode_condition(self, latents, *, modality):
        return Condition(modality, (latents,))

    def predict(self, noisy, *, modality, t, condition, hears=None):
        if not self.hears_well:
            return torch.zeros_like(noisy)
        assert condition is not None
        # v = alpha e - sigma x, with e from the noisy signal and x from what was heard.
        angle = (torch.pi / 2 * t[0, 0]).item()
        alpha, sigma = torch.cos(torch.tensor(angle)), torch.sin(torch.tensor(angle))
        heard = condition.messages[0].mean((1, 2, 3, 4))[:, None, None, None]
        return alpha * (noisy - alpha * heard) / sigma - sigma * heard


@pytest.mark.parametrize("hears_well", [True, False])
def test_who_listens_finds_the_condition(hears_well):
    unet = Listener(**SIZES, network=NETWORK)
    unet.hears_well = hears_well
    levels = torch.linspace(-2, 2, 9)
    audio = levels[:, None, None, None].expand(9, 1, 16, 64)
    video = levels[:, None, None, None, None].expand(9, 2, 8, 4, 4)
    found = retrieve(unet, audio, video, modality="audio")
    assert found.candidates == 9 and found.chance == pytest.approx(1 / 9)
    assert (found.first, found.rank) == ((1.0, 1.0) if hears_well else pytest.approx((1 / 9, 5.0)))


def test_an_untrained_model_is_near_chance_in_both_directions():
    torch.manual_seed(0)
    unet = CoupledUNet(**SIZES, network=NETWORK)
    for parameter in unet.parameters():  # the last projections of a fresh model are zero: it would not hear at all
        torch.nn.init.normal_(parameter, std=0.1)
    generator = torch.Generator().manual_seed(0)
    video, audio = torch.randn(12, 2, 8, 4, 4, generator=generator), torch.randn(12, 1, 16, 64, generator=generator)
    both: tuple[tuple[Modality, torch.Tensor, torch.Tensor], ...] = (("audio", audio, video), ("video", video, audio))
    for modality, targets, conditions in both:
        found = retrieve(unet, targets, conditions, modality=modality)
        assert 3 < found.rank < 10 and found.first < 0.5
        assert found == retrieve(unet, targets, conditions, modality=modality)


def test_a_condition_that_hears_is_tried_through_both_networks():
    """Literal errors of two clips under both conditions, at one time."""
    torch.manual_seed(0)
    unet = CoupledUNet(
        frames=8,
        latent_channels=2,
        latent_size=4,
        mels=16,
        network=NetworkConfig(
            video_widths=(16, 24), audio_widths=(16, 24), attention_levels=(1,), heads=2, clean_hears=True
        ),
    ).eval()
    for parameter in unet.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    generator = torch.Generator().manual_seed(0)
    video, audio = torch.randn(2, 2, 8, 4, 4, generator=generator), torch.randn(2, 1, 16, 64, generator=generator)
    found = retrieve(unet, audio, video, modality="audio", times=(0.5,))
    gains = denoising_alignment(unet, audio, video, modality="audio", times=(0.5,))
    half = 0.5**0.5
    clean, time = torch.zeros(1), torch.tensor([0.5])
    ranks, expected = [], []
    draws = torch.Generator().manual_seed(0), torch.Generator().manual_seed(0)
    together = torch.randn(audio.shape, generator=draws[1])
    for item in range(2):
        for noise, results in ((torch.randn(1, 1, 16, 64, generator=draws[0]), ranks), (together[[item]], expected)):
            noisy, aim = half * audio[[item]] + half * noise, half * noise - half * audio[[item]]
            said = [unet(video[[c]], noisy, t_video=clean, t_audio=time).audio for c in (item, 1 - item)]
            own, other = ((one - aim).square().mean().item() for one in said)
            results.append(1.0 + (other < own) if results is ranks else 1 - own / other)
    assert found.rank == sum(ranks) / 2
    assert gains.tolist() == pytest.approx(expected, abs=1e-4)


def test_a_network_of_one_time_hears_the_condition_at_that_time():
    """Literal errors of two clips under both conditions, whose noise is one for all."""
    torch.manual_seed(0)
    network = NetworkConfig(
        video_widths=(16, 24), audio_widths=(16, 24), attention_levels=(1,), heads=2, shared_time=True
    )
    unet = CoupledUNet(**SIZES, network=network).eval()
    for parameter in unet.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    generator = torch.Generator().manual_seed(0)
    video, audio = torch.randn(2, 2, 8, 4, 4, generator=generator), torch.randn(2, 1, 16, 64, generator=generator)
    found = denoising_alignment(unet, audio, video, modality="audio", times=(0.5,))
    noise = torch.randn(2, 1, 16, 64, generator=torch.Generator().manual_seed(0))
    beside = torch.randn(2, 8, 4, 4, generator=torch.Generator().manual_seed(CONDITION_SEED))
    half, time, expected = 0.5**0.5, torch.full((1,), 0.5), []
    for item in range(2):
        noisy, aim = half * (audio[[item]] + noise[[item]]), half * (noise[[item]] - audio[[item]])
        said = [unet(half * (video[[c]] + beside), noisy, t_video=time, t_audio=time).audio for c in (item, 1 - item)]
        own, other = ((one - aim).square().mean().item() for one in said)
        expected.append(1 - own / other)
    assert found.tolist() == pytest.approx(expected, abs=1e-4) and abs(expected[0]) > 1e-4
    assert retrieve(unet, audio, video, modality="audio").candidates == 2
