"""The audio U-Net: 2-D convolutions over frequency and time after a patch stem (ours)."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from cmmd.models.blocks import GROUPS
from cmmd.models.network_config import NetworkConfig
from cmmd.models.staged_unet import StagedUNet, UNetState


class AudioUNet(StagedUNet):
    """Denoiser of spectrograms ``(b, c, m, n)``. Each level halves both frequency and time.

    The stem folds ``patch`` x ``patch`` squares into channels. Without it, a 64 x 128 spectrogram takes 7 times as long
    as with a 4 x 4 stem. A channel with the frequency position is concatenated to the input, because a convolution
    alone cannot distinguish low from high frequencies.
    """

    def __init__(self, network: NetworkConfig, *, channels: int):
        widths, patch = network.audio_widths, network.patch
        super().__init__(network, widths=widths, attention=("all",), temporal=False)
        self.patch = patch
        self.stem = nn.Conv2d((channels + 1) * patch**2, widths[0], 3, padding=1)
        self.norm_out = nn.GroupNorm(GROUPS, widths[0])
        self.head = nn.Conv2d(widths[0], channels * patch**2, 3, padding=1)

    def begin(self, x: Float[Tensor, "b c m n"], t: Float[Tensor, "b f"]) -> UNetState:
        x = x.to(self.stem.weight.dtype)
        batch, _, bins, frames = x.shape
        position = torch.linspace(-1.0, 1.0, bins, device=x.device, dtype=x.dtype)
        x = torch.cat([x, position[:, None].expand(batch, 1, bins, frames)], dim=1)
        squares = F.pixel_unshuffle(x, self.patch).contiguous(memory_format=torch.channels_last)
        return UNetState(self.stem(squares), (), self.embed_time(t))

    def finish(self, state: UNetState) -> Float[Tensor, "b c m n"]:
        return F.pixel_shuffle(self.head(F.silu(self.norm_out(state.features))), self.patch)
