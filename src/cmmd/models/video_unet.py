"""The video U-Net: convolutions within each frame, then along time; attention at the low resolutions (ours)."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from cmmd.models.blocks import GROUPS, FrameConv
from cmmd.models.network_config import NetworkConfig
from cmmd.models.staged_unet import StagedUNet, UNetState


class VideoUNet(StagedUNet):
    """Denoiser of video latents ``(b, c, f, h, w)``. Each level halves height and width; time is never resampled.

    event_channels: channels that may follow those of the pictures in the input (decision 14). They are read on clean
    frames only, where the time is 0, and never predicted. Where they are absent or zero, they have no effect.
    """

    def __init__(self, network: NetworkConfig, *, channels: int, event_channels: int = 0):
        widths = network.video_widths
        super().__init__(network, widths=widths, attention=("frame", "time"), temporal=True)
        self.channels = channels
        self.stem = FrameConv(channels, widths[0])
        self.event_stem = nn.Conv3d(event_channels, widths[0], 1, bias=False) if event_channels else None
        if self.event_stem is not None:
            nn.init.zeros_(self.event_stem.weight)  # a network that was trained without events starts unchanged
        self.norm_out = nn.GroupNorm(GROUPS, widths[0])
        self.head = FrameConv(widths[0], channels)

    def begin(self, x: Float[Tensor, "b c f h w"], t: Float[Tensor, "b f"]) -> UNetState:
        x = x.to(self.stem.weight.dtype, memory_format=torch.channels_last_3d)
        features = self.stem(x[:, : self.channels])
        if self.event_stem is not None and x.shape[1] > self.channels:
            clean = (t == 0).to(x)[:, None, :, None, None]
            features = features + self.event_stem(x[:, self.channels :] * clean)
        return UNetState(features, (), self.embed_time(t))

    def finish(self, state: UNetState) -> Float[Tensor, "b c f h w"]:
        return self.head(F.silu(self.norm_out(state.features)))
