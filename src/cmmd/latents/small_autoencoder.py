"""The embedded autoencoder of pictures (ours: decision 03)."""

from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny


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
