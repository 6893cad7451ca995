"""Estimates from motion when events happen; its output is a part of the video latents (ours: decision 14).

A coupled U-Net sees latents of single pictures, in which a contact has to be found from small differences between
neighbouring frames. This network sees the pixels, and is trained for that task alone.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from jaxtyping import Float
from torch import Tensor, nn

from cmmd.clips.geometry import SPECTROGRAM_FRAMES_PER_VIDEO_FRAME

LUMA = (0.299, 0.587, 0.114)
DILATIONS = (1, 2, 1, 4, 1)
REACH = 16
"""Frames on either side that an output depends on, apart from the normalisation: 1 by the differences, 1 by each of
the two convolutions over time of pictures, 9 by the dilated ones, 1 by the last; rounded up."""
LARGEST_CHANGE = 8.0
"""Differences beyond this multiple of their RMS, as at a cut, are clamped."""
FAINTEST_CHANGE = 0.008
"""Lower bound of the RMS of the differences, for pixels in [-1, 1]: about one level of 8-bit video."""
FAINTEST_CONTRAST = 0.04
MAPS = 4
"""Number of attention maps that pool the features of a picture."""


class TemporalBlock(nn.Module):
    """Residual dilated convolution over frames."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(1, channels)
        self.conv = nn.Conv1d(channels, channels, 3, padding=dilation, dilation=dilation)

    def forward(self, x: Float[Tensor, "b c f"]) -> Float[Tensor, "b c f"]:
        return x + self.conv(F.gelu(self.norm(x)))


class EventEncoder(ModelMixin, ConfigMixin):
    """Maps the frames of a clip, in [-1, 1], to one event logit per spectrogram frame.

    widths: channels after each of the four convolutions over pictures. Differences between frames are divided by their
    RMS, so that a faint and a strong movement look alike, and pooling ignores positions.
    """

    config_name = "config.json"

    @register_to_config
    def __init__(self, widths: Sequence[int] = (24, 48, 96, 128)) -> None:
        super().__init__()
        first, second, third, last = widths
        self.convs = nn.ModuleList(
            [
                nn.Conv2d(3, first, 5, stride=2, padding=2),
                nn.Conv2d(first, second, 3, stride=2, padding=1),
                nn.Conv2d(second, third, 3, stride=2, padding=1),
                nn.Conv2d(third, last, 3, padding=1),
            ]
        )
        self.norms = nn.ModuleList(nn.GroupNorm(4, width) for width in widths)
        self.motions = nn.ModuleDict(
            {str(at): nn.Conv3d(widths[at], widths[at], (3, 1, 1), padding=(1, 0, 0)) for at in (1, 2)}
        )
        self.attention = nn.Conv2d(last, MAPS, 1)
        self.gather = nn.Linear((MAPS + 1) * last, last)
        self.blocks = nn.Sequential(*(TemporalBlock(last, dilation) for dilation in DILATIONS))
        self.head = nn.Conv1d(last, SPECTROGRAM_FRAMES_PER_VIDEO_FRAME, 3, padding=1)
        assert self.head.bias is not None
        nn.init.constant_(self.head.bias, -2.5)  # events are rare

    def forward(self, frames: Float[Tensor, "b 3 f h w"]) -> Float[Tensor, "b n"]:
        """Returns the logits of the n = 8 f spectrogram frames."""
        b, _, f = frames.shape[:3]
        x = motion_input(frames).to(self.dtype).transpose(1, 2).flatten(0, 1)
        for at, (conv, norm) in enumerate(zip(self.convs, self.norms, strict=True)):
            x = F.gelu(norm(conv(x)))
            if str(at) in self.motions:
                over_time = x.unflatten(0, (b, f)).transpose(1, 2)
                x = (over_time + F.gelu(self.motions[str(at)](over_time))).transpose(1, 2).flatten(0, 1)
        weight = self.attention(x).flatten(2).softmax(-1)
        attended = torch.einsum("bkp,bcp->bkc", weight, x.flatten(2)).flatten(1)
        features = self.gather(torch.cat([attended, x.mean((2, 3))], dim=1))
        return self.head(self.blocks(features.unflatten(0, (b, f)).transpose(1, 2))).transpose(1, 2).flatten(1)


def motion_input(frames: Float[Tensor, "b 3 f h w"]) -> Float[Tensor, "b 3 f h w"]:
    """Returns grey pictures and their differences to the previous and the next frame, each normalised over the clip."""
    over = (1, 2, 3, 4)
    luma = frames.new_tensor(LUMA)[:, None, None, None]
    grey = (frames * luma).sum(1, keepdim=True).float()
    change = F.pad(grey[:, :, 1:] - grey[:, :, :-1], (0, 0, 0, 0, 1, 1))
    rms = change[:, :, 1:].square().mean(over, keepdim=True).sqrt() + FAINTEST_CHANGE
    change = 0.6 * (change / rms).clamp(-LARGEST_CHANGE, LARGEST_CHANGE)  # the scale of the normalised pictures
    grey = (grey - grey.mean(over, keepdim=True)) / (grey.std(over, keepdim=True) + FAINTEST_CONTRAST)
    return torch.cat([grey, change[:, :, :-1], change[:, :, 1:]], dim=1)
