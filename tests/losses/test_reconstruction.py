"""The autoencoder's loss: each of its terms by hand, and noise on the latents that the decoder sees."""

import pytest
import torch

from cmmd.latents.small_autoencoder import small_autoencoder
from cmmd.losses.reconstruction import reconstruction_losses


@torch.no_grad()
def test_terms_are_those_by_hand(generator):
    torch.manual_seed(0)
    autoencoder = small_autoencoder().double()
    pixels = torch.rand(2, 3, 16, 24, generator=generator, dtype=torch.float64) * 2 - 1
    noise = 30 * torch.randn(2, 4, 2, 3, generator=generator, dtype=torch.float64)
    latents = autoencoder.encode(pixels, return_dict=False)[0]
    difference = autoencoder.decode(latents + 0.01 * noise, return_dict=False)[0] - pixels
    squared = difference.pow(2).mean().item()
    across = (difference[..., 1:] - difference[..., :-1]).abs().mean().item()
    down = (difference[..., 1:, :] - difference[..., :-1, :]).abs().mean().item()
    spread = latents.pow(2).mean().item()
    found = reconstruction_losses(autoencoder, pixels, noise=noise)
    assert found["squared_error"].item() == pytest.approx(squared, rel=1e-12)
    assert found["spread"].item() == pytest.approx(spread, rel=1e-12)
    assert found["loss"].item() == pytest.approx(squared + 0.05 * (across + down) / 2 + 1e-3 * spread, rel=1e-12)
    assert reconstruction_losses(autoencoder, pixels, noise=-noise)["loss"] != found["loss"]
