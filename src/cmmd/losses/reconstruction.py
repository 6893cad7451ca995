"""The embedded autoencoder's loss: error of pixels and of edges, with noise on the latents (ours)."""

from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny
from jaxtyping import Float
from torch import Tensor

LATENT_NOISE = 0.01
"""Deviation of the noise on the latents: a diffusion model's latents are never exact, and must still decode."""
SPREAD = 1e-3
"""Weight of the penalty that keeps latents near unit size, inside the decoder's tanh."""


def reconstruction_losses(
    autoencoder: AutoencoderTiny, pixels: Float[Tensor, "b 3 h w"], *, noise: Float[Tensor, "b c lh lw"]
) -> dict[str, Tensor]:
    """Named terms for pixels in [-1, 1] and standard noise on their latents; `loss` is the weighted sum of the others,
    `squared_error` gives the PSNR."""
    (latents,) = autoencoder.encode(pixels, return_dict=False)
    (decoded,) = autoencoder.decode(latents + LATENT_NOISE * noise, return_dict=False)
    difference = decoded - pixels
    squared = difference.square().mean()
    edges = (difference.diff(dim=-1).abs().mean() + difference.diff(dim=-2).abs().mean()) / 2
    spread = latents.square().mean()
    return {
        "loss": squared + 0.05 * edges + SPREAD * spread,
        "squared_error": squared.detach(),
        "spread": spread.detach(),
    }
