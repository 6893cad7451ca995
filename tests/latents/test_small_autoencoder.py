"""A wider autoencoder begins as the known one, and keeps its latents while it is trained."""

import pytest
import torch

from cmmd.latents.small_autoencoder import small_autoencoder, widened_autoencoder
from cmmd.losses.reconstruction import reconstruction_losses


def encoded(autoencoder, pixels: torch.Tensor) -> torch.Tensor:
    return autoencoder.encode(pixels, return_dict=False)[0]


def test_the_first_latents_stay_and_the_rest_learns(generator):
    torch.manual_seed(0)
    known = small_autoencoder(latent_channels=2, width=8)
    wide = widened_autoencoder(known, latent_channels=5, width=12)
    pixels = torch.rand(2, 3, 32, 32, generator=generator) * 2 - 1
    first, latents = encoded(known, pixels), encoded(wide, pixels)
    torch.testing.assert_close(latents[:, :2], first)
    decoded = known.decode(first, return_dict=False)[0]
    torch.testing.assert_close(wide.decode(latents, return_dict=False)[0], decoded)

    optimizer = torch.optim.AdamW(wide.parameters(), lr=1e-2, weight_decay=0.0)
    errors = []
    for _ in range(40):
        terms = reconstruction_losses(wide, pixels, noise=torch.randn(latents.shape, generator=generator))
        optimizer.zero_grad()
        terms["loss"].backward()
        optimizer.step()
        errors.append(terms["squared_error"].item())
    after = encoded(wide, pixels)
    torch.testing.assert_close(after[:, :2], first)
    assert (after[:, 2:] - latents[:, 2:]).abs().mean() > 1e-3 and errors[-1] < 0.9 * errors[0]


@pytest.mark.parametrize(("latent_channels", "width"), [(1, 12), (5, 7)])
def test_it_may_not_be_narrower(latent_channels, width):
    known = small_autoencoder(latent_channels=2, width=8)
    with pytest.raises(ValueError, match=f"are {latent_channels} and {width}, expected at least 2 and 8"):
        widened_autoencoder(known, latent_channels=latent_channels, width=width)
