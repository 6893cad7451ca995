"""A vocoder that predicts a complex STFT from log-mel, as Vocos does (Siuzdak, arXiv 2306.00814; ours: decision 03).

A frame of the log-mel gives several frames of the STFT, so that onsets are sharper than the frames of the mel. Noise
enters with the log-mel, because the texture of rooms, cloth and water is not in the mel.
"""

import math

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from jaxtyping import Float
from torch import Tensor, nn

from cmmd.clips.geometry import Geometry
from cmmd.latents.convnext import KERNEL, MIDDLE, SPREAD, Block, check_sizes
from cmmd.latents.spectrogram import squelched
from cmmd.latents.waveform import BLOCK, istft

LARGEST = 6.5
"""Largest logarithm of a magnitude, against overflow. A full-scale sine has log(128) = 4.9 with a window of 512."""

SQUELCH = 1.1
"""Nepers, as in `spectrogram.SQUELCH`: bands just above the floor would hiss. True sound loses nothing by 1.1, and
generated impacts come nearer to true ones than with 0.8."""


class SpectrumVocoder(ModelMixin, ConfigMixin):
    """Generates a waveform from the log-mel of `LogMelCodec`.

    mels, sample_rate (Hz), hop (samples): of the codec. subframes: STFT frames per mel frame. fft_size: samples of an
    STFT frame and of its window. noise_channels: values of noise per mel frame. width: channels. hidden: channels
    inside a block. depth: number of blocks. The defaults have 1.5 M parameters. Raises ValueError for a size below 1,
    subframes that do not divide the hop, and an fft_size below twice the hop of the STFT.
    """

    @register_to_config
    def __init__(
        self,
        mels: int = 64,
        sample_rate: int = 16_000,
        hop: int = 200,
        subframes: int = 2,
        fft_size: int = 512,
        noise_channels: int = 8,
        width: int = 192,
        hidden: int = 512,
        depth: int = 6,
    ) -> None:
        super().__init__()
        check_sizes(self.config)
        if hop % subframes or fft_size * subframes < 2 * hop:
            raise ValueError(f"subframes {subframes} and fft_size {fft_size} do not fit the hop {hop}")
        self.stem = nn.Conv1d(mels, width, 3, padding=1, padding_mode="replicate")
        self.noise_in = nn.Linear(noise_channels, width)
        self.first_norm = nn.LayerNorm(width)
        self.blocks = nn.ModuleList(Block(width, hidden) for _ in range(depth))
        self.last_norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, subframes * 3 * (fft_size // 2 + 1))
        with torch.no_grad():
            self.head.weight.mul_(0.5)

    @property
    def reach(self) -> int:
        """Mel frames before and after a frame that its samples depend on."""
        return 1 + len(self.blocks) * (KERNEL // 2) + math.ceil(self.config["fft_size"] / self.config["hop"])

    def check_geometry(self, geometry: Geometry) -> None:
        """Raises ValueError, naming both values, unless the geometry has the sizes that the network was trained
        with."""
        for name in ("mels", "sample_rate", "hop"):
            if self.config[name] != (expected := getattr(geometry, name)):
                raise ValueError(f"the waveform decoder has {name} {self.config[name]}, expected {expected}")

    def draw_noise(self, log_mel: Float[Tensor, "b m n"], generator: torch.Generator) -> Float[Tensor, "b n z"]:
        """Draws standard noise for `forward`, on the CPU."""
        return torch.randn(len(log_mel), log_mel.shape[-1], self.config["noise_channels"], generator=generator)

    def forward(self, log_mel: Float[Tensor, "b m n"], noise: Float[Tensor, "b n z"]) -> Float[Tensor, "b s"]:
        """Returns float32 waveforms of n * hop samples."""
        config, items, frames = self.config, len(log_mel), log_mel.shape[-1]
        x = self.stem((log_mel - MIDDLE) / SPREAD).transpose(1, 2) + self.noise_in(noise)
        x = self.first_norm(x)
        for block in self.blocks:
            x = block(x)
        found = self.head(self.last_norm(x)).float()
        found = found.reshape(items, frames * config["subframes"], 3, -1).transpose(1, 3)
        # The direction need not have length 1: it then takes part in the magnitude, which eases small corrections.
        magnitude = (2 * found[:, :, 0] - 1).clamp(max=LARGEST).exp()
        spectrum = torch.complex(magnitude * found[:, :, 1], magnitude * found[:, :, 2])
        sizes = {"fft_size": config["fft_size"], "window": config["fft_size"]}
        return istft(spectrum, **sizes, hop=config["hop"] // config["subframes"])

    @torch.no_grad()
    def decode(
        self, log_mel: Float[Tensor, "b m n"], *, generator: torch.Generator | None = None
    ) -> Float[Tensor, "b s"]:
        """Generates waveforms of any length block by block, in bounded memory: n * hop samples, float32, on the device
        of the log-mel. The noise comes from `generator`, or without one from seed 0."""
        generator = generator or torch.Generator().manual_seed(0)
        noise = self.draw_noise(log_mel, generator).to(self.device, self.dtype)
        given = squelched(log_mel, SQUELCH).to(self.device, self.dtype)
        frames, hop, pieces = log_mel.shape[-1], self.config["hop"], []
        for start in range(0, frames, BLOCK):
            stop, first = min(start + BLOCK, frames), max(0, start - self.reach)
            piece = self(given[..., first : stop + self.reach], noise[:, first : stop + self.reach])
            pieces.append(piece[:, (start - first) * hop : (stop - first) * hop])
        return torch.cat(pieces, dim=1).to(log_mel.device)
