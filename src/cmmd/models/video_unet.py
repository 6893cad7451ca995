"""The video U-Net: convolutions within each frame, then along time; attention at the low resolutions (ours)."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from cmmd.models.blocks import GROUPS, FrameConv
from cmmd.models.network_config import NetworkConfig
from cmmd.models.staged_unet import StagedUNet, UNetState


class VideoUNet(StagedUNet):
    """Denoiser of video latents ``(b, c, f, h, w)``. Each level halves height and width; time is never resampled."""

    def __init__(self, network: NetworkConfig, *, channels: int):
        widths = network.video_widths
        super().__init__(network, widths=widths, attention=("frame", "time"), temporal=True)
        self.stem = FrameConv(channels, widths[0])
        self.norm_out = nn.GroupNorm(GROUPS, widths[0])
        self.head = FrameConv(widths[0], channels)

    def begin(self, x: Float[Tensor, "b c f h w"], t: Float[Tensor, "b f"]) -> UNetState:
        x = x.to(self.stem.weight.dtype, memory_format=torch.channels_last_3d)
        return UNetState(self.stem(x), (), self.embed_time(t))

    def finish(self, state: UNetState) -> Float[Tensor, "b c f h w"]:
        return self.head(F.silu(self.norm_out(state.features)))
