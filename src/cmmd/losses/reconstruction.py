"""The embedded autoencoder's loss: errors of pixels and of edges, with noise on the latents (ours)."""

from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny
from jaxtyping import Float
from torch import Tensor

LATENT_NOISE = 0.01
"""Standard deviation of the noise on the latents: the decoder must tolerate inexact latents of a diffusion model."""
SPREAD = 1e-3
"""Weight of the penalty that keeps latents near unit size, inside the decoder's tanh."""


def reconstruction_losses(
    autoencoder: AutoencoderTiny, pixels: Float[Tensor, "b 3 h w"], *, noise: Float[Tensor, "b c lh lw"]
) -> dict[str, Tensor]:
    """Returns the named terms for pixels in [-1, 1] and standard noise for their latents.

    `loss` is the weighted sum of the squared error, the edge error and the spread. `squared_error` gives the PSNR.
    """
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
