"""Retrieval by denoising error: a model that listens finds the condition, a deaf one is at chance."""

import pytest
import torch

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
