"""A user's HiFi-GAN (Kong et al., arXiv 2010.05646) or BigVGAN (Lee et al., arXiv 2206.04658) as a vocoder.

Both multiply the frame rate of a spectrogram by `upsample_rates` until it is the sample rate. The classes are
`SpeechT5HifiGan` of transformers and `MMAudioVocoder` of diffusers.
"""

import math
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from safetensors.torch import load_file
from torch import Tensor, nn

from cmmd.clips.geometry import Geometry
from cmmd.errors import InputError
from cmmd.files.foreign_files import reading
from cmmd.weights.safe_weights import CONFIG, load_model, quiet_diffusers, read_json
from cmmd.weights.weights_fit import check_finite, read_headers, shape_of_model

HIFI_GAN, BIG_VGAN = "SpeechT5HifiGan", "MMAudioVocoder"
TRANSFORMERS_WEIGHTS = "model.safetensors"


class UpsamplingVocoder:
    """Applies a HiFi-GAN or BigVGAN to log-mel (b, m, n), on the network's device in its dtype. Returns a float32
    waveform (b, n * hop) on the device of the log-mel. Nothing is random."""

    def __init__(self, network: Any) -> None:
        self.network = network

    def __call__(
        self, log_mel: Float[Tensor, "b m n"], *, generator: torch.Generator | None = None
    ) -> Float[Tensor, "b s"]:
        given = log_mel.to(self.network.device, self.network.dtype)
        if type(self.network).__name__ == BIG_VGAN:
            (waveform,) = self.network(given, return_dict=False)
            waveform = waveform[:, 0]
        else:
            waveform = self.network(given.transpose(1, 2))
        return waveform.float().to(log_mel.device)


def check_vocoder(network: nn.Module, geometry: Geometry) -> None:
    """Raises ValueError, naming both values, for a network whose mel bands, hop or sample rate are not those of the
    geometry."""
    config: Any = network.config
    values = dict(config) if type(network).__name__ == BIG_VGAN else config.to_dict()
    rates, kernels = values["upsample_rates"], values["upsample_kernel_sizes"]
    for name, found, expected in (
        ("mels", values.get("num_mels", values.get("model_in_dim")), geometry.mels),
        ("hop", math.prod(rates), geometry.hop),
        ("sample_rate", values.get("sampling_rate", geometry.sample_rate), geometry.sample_rate),
        ("frames of odd length", sum((kernel - rate) % 2 for kernel, rate in zip(kernels, rates, strict=True)), 0),
    ):
        if found != expected:
            raise ValueError(f"the waveform decoder has {name} {found}, expected {expected}")


def load_big_vgan(folder: Path) -> nn.Module:
    """Loads an MMAudioVocoder from a diffusers folder. Raises InputError as `load_model`, and if diffusers is too
    old."""
    try:
        from diffusers.models.autoencoders.mmaudio_vocoder import MMAudioVocoder
    except ImportError as error:
        raise InputError.about(folder, found=f"a {BIG_VGAN}", expected="diffusers 0.42 or newer") from error
    return load_model(MMAudioVocoder, folder)


def load_hifi_gan(folder: Path) -> nn.Module:
    """Loads a SpeechT5HifiGan from a transformers folder, in float32 and for inference. Its weights are safetensors.

    Raises InputError if transformers is missing, and for settings or weights that are not those of the class.
    """
    try:
        from transformers import SpeechT5HifiGan, SpeechT5HifiGanConfig  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        found, expected = f"a {HIFI_GAN}", 'pip install transformers (in a checkout: pip install "./[eval]")'
        raise InputError.about(folder, found=found, expected=expected) from error
    settings, weights = read_json(folder / CONFIG), folder / TRANSFORMERS_WEIGHTS
    if settings.get("architectures") != [HIFI_GAN]:
        raise InputError.about(folder / CONFIG, found=f"{settings.get('architectures')!r:.60}", expected=HIFI_GAN)
    held = read_headers([weights])

    def build() -> nn.Module:
        return SpeechT5HifiGan(SpeechT5HifiGanConfig.from_dict(settings))

    shape_of_model(build, held, folder, name=HIFI_GAN)
    with reading(weights, expected=f"the weights of {HIFI_GAN}"), quiet_diffusers():
        network = build()
        network.load_state_dict(load_file(weights))
    check_finite(network, folder)
    return network.float().eval()
