"""TAEF2, a tiny autoencoder with 32 latent channels (github.com/madebyollin/taesd, MIT), from its two weight files.

diffusers' AutoencoderTiny lacks the pooled branch of TAEF2's blocks at the lowest resolution. The weights are not
shipped.
"""

from io import BytesIO
from pathlib import Path

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from jaxtyping import Float
from torch import Tensor, nn

from cmmd.files.foreign_files import read_bytes, reading

WIDTH, LATENT_CHANNELS, POOL_WIDTH, POOL_GROUPS = 64, 32, 256, 4
FILES = {"encoder": "taef2_encoder.pth", "decoder": "taef2_decoder.pth"}


class Block(nn.Module):
    """Three convolutions and a skip. `pool` first adds 1x1 convolutions around a normalisation over large groups."""

    def __init__(self, *, pool: bool = False):
        super().__init__()
        convs = [nn.Conv2d(WIDTH, WIDTH, 3, padding=1) for _ in range(3)]
        self.conv = nn.Sequential(convs[0], nn.ReLU(), convs[1], nn.ReLU(), convs[2])
        self.pool = (
            nn.Sequential(
                nn.Conv2d(WIDTH, POOL_WIDTH, 1, bias=False),
                nn.GroupNorm(POOL_GROUPS, POOL_WIDTH),
                nn.ReLU(),
                nn.Conv2d(POOL_WIDTH, WIDTH, 1, bias=False),
            )
            if pool
            else None
        )

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        if self.pool is not None:
            x = x + self.pool(x)
        return torch.relu(self.conv(x) + x)


class Clamp(nn.Module):
    """Soft clamp to [-3, 3]."""

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        return 3 * torch.tanh(x / 3)


def _stage(blocks: int, *, pool: bool = False) -> list[nn.Module]:
    return [Block(pool=pool) for _ in range(blocks)]


class TAEF2(ModelMixin, ConfigMixin):
    """Autoencoder of pictures (b, 3, h, w) in [-1, 1] with latents (b, 32, h / 8, w / 8), in diffusers' interface."""

    @register_to_config
    def __init__(self) -> None:
        super().__init__()

        def down() -> nn.Module:
            return nn.Conv2d(WIDTH, WIDTH, 3, stride=2, padding=1, bias=False)

        def up() -> list[nn.Module]:
            return [nn.Upsample(scale_factor=2), nn.Conv2d(WIDTH, WIDTH, 3, padding=1, bias=False)]

        first, last = nn.Conv2d(3, WIDTH, 3, padding=1), nn.Conv2d(WIDTH, LATENT_CHANNELS, 3, padding=1)
        self.encoder = nn.Sequential(
            *(first, *_stage(1), down(), *_stage(3), down(), *_stage(3), down(), *_stage(3, pool=True), last)
        )
        first, last = nn.Conv2d(LATENT_CHANNELS, WIDTH, 3, padding=1), nn.Conv2d(WIDTH, 3, 3, padding=1)
        self.decoder = nn.Sequential(
            *(Clamp(), first, nn.ReLU(), *_stage(3, pool=True), *up(), *_stage(3), *up(), *_stage(3), *up()),
            *(*_stage(1), last),
        )

    @classmethod
    def of_files(cls, folder: Path) -> "TAEF2":
        """Loads the encoder and decoder files that the TAESD project publishes, in evaluation mode.

        Raises InputError for a file that is missing or does not hold these weights.
        """
        model = cls()
        for part, name in FILES.items():
            content = read_bytes(folder / name, expected=f"the {part} of TAEF2")
            with reading(folder / name, expected=f"the {part} of TAEF2"):
                state = torch.load(BytesIO(content), weights_only=True)
                getattr(model, part).load_state_dict({key: value.float() for key, value in state.items()})
        return model.eval()

    def encode(self, pixels: Float[Tensor, "b 3 h w"], return_dict: bool = False) -> tuple[Float[Tensor, "b c lh lw"]]:
        return (self.encoder((pixels + 1) / 2),)

    def decode(self, latents: Float[Tensor, "b c lh lw"], return_dict: bool = False) -> tuple[Float[Tensor, "b 3 h w"]]:
        return (self.decoder(latents) * 2 - 1,)
