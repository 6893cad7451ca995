"""A network that knows its data: within a frame any two values of either modality have the same correlation."""

import math
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from cmmd.models.coupled_unet import CoupledUNet
from cmmd.models.exchange import Prediction
from cmmd.models.network_config import NetworkConfig

CORRELATION = 0.5
NETWORK = NetworkConfig(
    video_widths=(16, 24), audio_widths=(16, 24), attention_levels=(1,), heads=2, message_width=8, shared_time=True
)
WINDOW = 4
"""Frames; a frame has 32 values of video and 128 of sound."""


class Correlated(CoupledUNet):
    """The velocity, or the noise, that the mean of the clean signal given the noisy one implies."""

    epsilon = False

    def forward(self, video, audio, *, t_video, t_audio, **rest):
        assert torch.equal(t_video, t_audio) and not rest
        frames, seen = video.shape[2], video[0, :, 0].numel()
        sound = audio.unflatten(3, (frames, 8)).movedim(3, 1)
        values = torch.cat([video.movedim(2, 1).flatten(2), sound.flatten(2)], dim=2)
        alpha, sigma = (of(math.pi / 2 * t_video[:, :, None]) for of in (torch.cos, torch.sin))
        mean = values.mean(2, keepdim=True)
        # Variances of the mean, times the number of values, and of what is left.
        common, own = 1 - CORRELATION + CORRELATION * values.shape[2], 1 - CORRELATION
        clean = sum(alpha * v / (alpha**2 * v + sigma**2) * x for v, x in ((common, mean), (own, values - mean)))
        said = (values - alpha * clean) / sigma if self.epsilon else (alpha * values - clean) / sigma
        pictures = said[:, :, :seen].unflatten(2, (video.shape[1], *video.shape[3:])).movedim(1, 2)
        sounds = said[:, :, seen:].unflatten(2, (*audio.shape[1:3], 8)).movedim(1, 3).flatten(3)
        return Prediction(pictures, sounds)


def correlated(*, epsilon: bool = False, **sizes: Any) -> Correlated:
    given = {"frames": WINDOW, "latent_channels": 2, "latent_size": 4, "mels": 16} | sizes
    unet = Correlated(**given, network=replace(NETWORK))
    unet.epsilon = epsilon
    return unet


def correlated_video(items: int, frames: int = WINDOW, *, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    common = torch.randn(items, 1, frames, 1, 1, generator=generator)
    own = torch.randn(items, 2, frames, 4, 4, generator=generator)
    return math.sqrt(CORRELATION) * common + math.sqrt(1 - CORRELATION) * own


def frame_means(audio: Tensor) -> Tensor:
    """Of a spectrogram, (b, f)."""
    return audio.unflatten(3, (-1, 8)).mean((1, 2, 4))
