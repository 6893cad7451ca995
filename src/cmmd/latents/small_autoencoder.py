"""The embedded autoencoder of pictures (ours: decision 03)."""

from collections.abc import Callable

import torch
from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny
from torch import Tensor


def small_autoencoder(*, latent_channels: int = 4, width: int = 32) -> AutoencoderTiny:
    """Builds the embedded default autoencoder, untrained, with 8x downsampling.

    latent_channels: channels of the latents. width: channels inside the network. The defaults give 0.39 M parameters.
    There is no block at full resolution, where it would cost as much as all others together.
    """
    return AutoencoderTiny(
        latent_channels=latent_channels,
        encoder_block_out_channels=(width,) * 4,
        decoder_block_out_channels=(width,) * 4,
        num_encoder_blocks=(0, 1, 2, 3),
        num_decoder_blocks=(3, 2, 1, 0),
    )


@torch.no_grad()
def widened_autoencoder(known: AutoencoderTiny, *, latent_channels: int, width: int) -> AutoencoderTiny:
    """Builds a wider autoencoder whose first latent channels are those of the known one, and remain so in training.

    A model that knows those latents can then learn to use the further ones. The weights of the known autoencoder are
    the first ones of each layer. In the encoder no other channel acts on them and they get no gradient; weight decay
    would change them. Raises ValueError if a size is below that of the known autoencoder.
    """
    channels, least = known.config["latent_channels"], known.config["encoder_block_out_channels"][0]
    if latent_channels < channels or width < least:
        raise ValueError(
            f"latent_channels and width are {latent_channels} and {width}, expected at least {channels} and {least}"
        )
    wide, weights = small_autoencoder(latent_channels=latent_channels, width=width), dict(known.named_parameters())
    for name, parameter in wide.named_parameters():
        first = weights[name]
        parameter[: len(first)] = 0
        parameter[tuple(map(slice, first.shape))] = first
        if name.startswith("encoder."):
            parameter.register_hook(_without_first(len(first)))
    return wide


def _without_first(count: int) -> Callable[[Tensor], Tensor]:
    def masked(gradient: Tensor) -> Tensor:
        gradient = gradient.clone()
        gradient[:count] = 0
        return gradient

    return masked
