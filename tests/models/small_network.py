"""A coupled U-Net small enough for float64, and inputs for it."""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from cmmd.models.blocks import Modality
from cmmd.models.coupled_unet import CoupledUNet
from cmmd.models.network_config import NetworkConfig

SIZES: dict[str, Any] = {"frames": 4, "latent_channels": 2, "latent_size": 4, "mels": 16}
NETWORK = NetworkConfig(video_widths=(16, 24), audio_widths=(16, 24), attention_levels=(1,), heads=2, message_width=8)
MODALITIES: tuple[Modality, Modality] = ("video", "audio")
FUSIONS: dict[str, dict[str, Any]] = {
    "easy": {},
    "easy, low rank": {"message_reduction": "low_rank"},
    "easy, mean": {"message_reduction": "mean"},
    "random shift": {"fusion": "random_shift"},
    "attention": {"fusion": "attention"},
}
"""Settings of every kind of fusion through which the streams hear each other."""


def fresh(*, spectrogram_channels: int = 1, **network: Any) -> CoupledUNet:
    """Untrained, in float64."""
    torch.manual_seed(0)
    sizes = SIZES | {"spectrogram_channels": spectrogram_channels}
    return CoupledUNet(**sizes, network=replace(NETWORK, **network)).double().eval()


def awake(*, spectrogram_channels: int = 1, **network: Any) -> CoupledUNet:
    """In float64, and its zero-initialised weights are zero no more, as after some training."""
    model = fresh(spectrogram_channels=spectrogram_channels, **network)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model


def inputs(batch: int = 3, frames: int = 4, seed: int = 1) -> tuple[Tensor, Tensor, Tensor]:
    """Video, audio and one time an item, in float64."""
    generator = torch.Generator().manual_seed(seed)
    video = torch.randn(batch, 2, frames, 4, 4, generator=generator, dtype=torch.float64)
    audio = torch.randn(batch, 1, 16, 8 * frames, generator=generator, dtype=torch.float64)
    return video, audio, 0.1 + 0.9 * torch.rand(batch, generator=generator, dtype=torch.float64)


def same(found: Any, expected: Any, tolerance: float = 1e-10) -> None:
    """Equal up to an absolute tolerance: tensors, or tuples of them."""
    torch.testing.assert_close(found, expected, rtol=0, atol=tolerance)
