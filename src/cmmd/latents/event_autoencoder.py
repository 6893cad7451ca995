"""An autoencoder of pictures and an event encoder as one autoencoder of clips (ours: decision 14)."""

from collections.abc import Sequence

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny
from diffusers.models.modeling_utils import ModelMixin
from jaxtyping import Float
from torch import Tensor

from cmmd.latents.event_encoder import EventEncoder
from cmmd.latents.small_autoencoder import small_autoencoder

SMALLEST_LOGIT, LARGEST_LOGIT = -6.0, 3.0


class EventAutoencoder(ModelMixin, ConfigMixin):
    """The latents of a frame are those of its picture, followed by its 8 event logits at every position.

    Pictures (f, 3, h, w) in [-1, 1] are the frames of one clip, in order. Decoding needs no logits and ignores them.

    picture_channels: latent channels of a picture. picture_width: channels inside the autoencoder of pictures.
    event_widths: see `EventEncoder`.
    """

    config_name = "config.json"

    @register_to_config
    def __init__(self, picture_channels: int, picture_width: int, event_widths: Sequence[int]) -> None:
        super().__init__()
        self.pictures = small_autoencoder(latent_channels=picture_channels, width=picture_width)
        self.events = EventEncoder(widths=event_widths)

    @classmethod
    def of(cls, pictures: AutoencoderTiny, events: EventEncoder) -> "EventAutoencoder":
        """Joins two trained networks, in evaluation mode."""
        joined = cls(
            picture_channels=pictures.config["latent_channels"],
            picture_width=pictures.config["encoder_block_out_channels"][0],
            event_widths=events.config["widths"],
        )
        joined.pictures.load_state_dict(pictures.state_dict())
        joined.events.load_state_dict(events.state_dict())
        return joined.eval()

    def encode(self, pixels: Float[Tensor, "f 3 h w"], return_dict: bool = False) -> tuple[Float[Tensor, "f c lh lw"]]:
        (pictures,) = self.pictures.encode(pixels, return_dict=False)
        logits = self.events(pixels.transpose(0, 1)[None]).clamp(SMALLEST_LOGIT, LARGEST_LOGIT)
        by_frame = logits.view(len(pixels), -1, 1, 1).expand(-1, -1, *pictures.shape[2:])
        return (torch.cat([pictures, by_frame], dim=1),)

    def decode(self, latents: Float[Tensor, "f c lh lw"], return_dict: bool = False) -> tuple[Float[Tensor, "f 3 h w"]]:
        (pixels,) = self.pictures.decode(latents[:, : self.config["picture_channels"]], return_dict=False)
        return (pixels,)
