"""A network from log-mel to STFT magnitudes, in place of the inversion of the mel filters (ours: decision 03).

The mel filters average over many bins at high frequencies, and the floor removes what is quiet. The network learns
from sounds how magnitudes are distributed within a band and below the floor. Its blocks are those of ConvNeXt (Liu et
al., arXiv 2201.03545) over time, as in Vocos (Siuzdak, arXiv 2306.00814). Phases remain Griffin-Lim's.
"""

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from jaxtyping import Float
from torch import Tensor, nn

from cmmd.latents.convnext import KERNEL, MIDDLE, SPREAD, Block, check_sizes
from cmmd.latents.spectrogram import LogMelCodec, mel_filters

LARGEST = 7.0
"""Largest logarithm of a magnitude, against overflow. A full-scale sine has log(128) = 4.9 with a window of 512."""


class MagnitudeNetwork(ModelMixin, ConfigMixin):
    """Estimates the magnitudes of a codec's own STFT from its log-mel.

    mels, sample_rate (Hz), hop, fft_size, window (samples): of the codec. width: channels. hidden: channels inside a
    block. depth: number of blocks. The defaults have 0.97 M parameters. Raises ValueError for a size below 1.
    """

    @register_to_config
    def __init__(
        self,
        mels: int = 64,
        sample_rate: int = 16_000,
        hop: int = 200,
        fft_size: int = 1024,
        window: int = 512,
        width: int = 224,
        hidden: int = 448,
        depth: int = 4,
    ) -> None:
        super().__init__()
        check_sizes(self.config)
        self.register_buffer("spreading", _spreading(mels, fft_size, sample_rate), persistent=False)
        self.spreading: Tensor
        self.stem = nn.Conv1d(mels, width, 3, padding=1, padding_mode="replicate")
        self.first_norm = nn.LayerNorm(width)
        self.blocks = nn.ModuleList(Block(width, hidden) for _ in range(depth))
        self.last_norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, fft_size // 2 + 1)
        with torch.no_grad():  # at first nearly the interpolated log-mel
            self.head.weight.mul_(0.2)
            self.head.bias.zero_()

    @property
    def reach(self) -> int:
        """Frames before and after a frame that its magnitudes depend on."""
        return 1 + len(self.blocks) * (KERNEL // 2)

    def check_codec(self, codec: LogMelCodec) -> None:
        """Raises ValueError, naming both values, unless the codec has the sizes that the network was trained with."""
        geometry = codec.geometry
        for name, expected in (
            ("mels", geometry.mels),
            ("sample_rate", geometry.sample_rate),
            ("hop", geometry.hop),
            ("fft_size", codec.fft_size),
            ("window", codec.window_size),
        ):
            if self.config[name] != expected:
                raise ValueError(f"the waveform decoder has {name} {self.config[name]}, expected {expected}")

    def forward(self, log_mel: Float[Tensor, "b m n"]) -> Float[Tensor, "b bins n"]:
        """Returns the logarithm of the magnitudes, at most `LARGEST`."""
        x = self.stem((log_mel - MIDDLE) / SPREAD).transpose(1, 2)
        x = self.first_norm(x)
        for block in self.blocks:
            x = block(x)
        correction = self.head(self.last_norm(x)).transpose(1, 2)
        return (self.spreading @ log_mel + correction).clamp(max=LARGEST)

    @torch.no_grad()
    def estimate(self, log_mel: Float[Tensor, "b m n"]) -> Float[Tensor, "b bins n"]:
        """Returns magnitudes, float32 on the device of the log-mel, computed on the network's device in its dtype."""
        return self(log_mel.to(self.device, self.dtype)).float().exp().to(log_mel.device)


def _spreading(mels: int, fft_size: int, sample_rate: int) -> Float[Tensor, "bins m"]:
    """Matrix that interpolates log-mel linearly between the centres of the bands; constant beyond the outermost."""
    filters = mel_filters(mels, fft_size, sample_rate)
    bins = torch.arange(fft_size // 2 + 1, dtype=filters.dtype)
    centres = filters @ bins
    upper = (
        torch.searchsorted(centres, bins).clamp(1, mels - 1) if mels > 1 else torch.zeros(len(bins), dtype=torch.long)
    )
    lower = (upper - 1).clamp_min(0)
    part = ((bins - centres[lower]) / (centres[upper] - centres[lower]).clamp_min(1e-6)).clamp(0, 1)
    rows = torch.arange(len(bins))
    matrix = torch.zeros(len(bins), mels)
    matrix[rows, lower] += 1 - part
    matrix[rows, upper] += part
    return matrix
