"""Outputs and gradients of a small network, number by number, as they were before its features had channels last.

The numbers are those that `found` gave in float64 at commit c45975e (torch 2.13, CPU); weights and inputs are sines, so
that they depend on no generator.
"""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from cmmd.models.blocks import PictureConv
from cmmd.models.coupled_unet import CoupledUNet
from cmmd.models.network_config import NetworkConfig

NETWORK = NetworkConfig(video_widths=(8, 16, 24), audio_widths=(16, 8, 24), heads=2, message_width=8)
GOLDEN: dict[str, list[float]] = {
    "video": [-0.17954817785658, 0.21720204965717, 0.38738840272847, -0.16752814178716, 8.38151782023741],
    "audio": [-0.1895478773121, 0.02789960976617, -0.21478040307065, 0.20491096156422, 10.83129272820449],
    "video alone": [-0.11578489431773, 0.30341073320147, 0.24535294518441, -0.05031245337645, 8.23976499096571],
    "video from audio": [-0.1950411597046, 0.20164698463281, 0.37470838096371, -0.15282560829396, 8.39034950721331],
    "audio from video": [-0.17573341946196, 0.05045247560862, -0.23580186717598, 0.22791720077427, 10.73232224040011],
    "gradient of video_unet": [0.92503981840963],
    "gradient of audio_unet": [2.88640003248497],
    "gradient of fusions": [0.604566472717],
}


def wave(shape: torch.Size | tuple[int, ...], number: int) -> Tensor:
    """Between -1 and 1, another one for each number."""
    steps = torch.arange(math.prod(shape), dtype=torch.float64)
    return torch.sin((1.1 + 0.01 * number) * steps + number).reshape(shape)


def network() -> CoupledUNet:
    """In float64, with grids of 8, 4 and 2, and no weight at zero."""
    model = CoupledUNet(frames=4, latent_channels=3, latent_size=8, mels=32, network=NETWORK).double()
    with torch.no_grad():
        for number, (name, parameter) in enumerate(model.named_parameters()):
            values = wave(parameter.shape, number)
            if parameter.ndim > 1:
                parameter.copy_(values * math.sqrt(1 / parameter[0].numel()))
            else:  # a bias, or the scale of a norm
                parameter.copy_(0.1 * values + ("norm" in name and name.endswith("weight")))
    return model


def found(model: CoupledUNet, dtype: Any) -> dict[str, list[float]]:
    """Values of what the network predicts, and the sizes of the gradients of each of its parts."""
    model = model.to(dtype)
    video, audio = wave((2, 3, 4, 8, 8), 1).to(dtype), wave((2, 1, 32, 32), 2).to(dtype)
    t_video, t_audio = (0.5 + 0.4 * wave((2, 4), number) for number in (3, 4))
    both = model(video, audio, t_video=t_video, t_audio=t_audio)
    (both.video.square().mean() + both.audio.square().mean()).backward()
    seen, heard = model.encode_condition(video, modality="video"), model.encode_condition(audio, modality="audio")
    tensors = {
        "video": both.video,
        "audio": both.audio,
        "video alone": model.predict(video, modality="video", t=t_video, condition=None),
        "video from audio": model.predict(video, modality="video", t=t_video, condition=heard),
        "audio from video": model.predict(audio, modality="audio", t=t_audio, condition=seen),
    }
    values = {name: [*tensor.flatten()[5::331][:4].tolist(), tensor.norm().item()] for name, tensor in tensors.items()}
    gradients = {name: part for name, part in model.named_children() if isinstance(part, nn.Module)}
    for name, part in gradients.items():
        values[f"gradient of {name}"] = [
            torch.stack([p.grad.norm() for p in part.parameters() if p.grad is not None]).norm().item()
        ]
    return values


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
@pytest.mark.parametrize("packing", [PictureConv.PACKING, -(10**9)], ids=["small weights", "heavy weights"])
def test_outputs_and_gradients_are_those_of_before(packing: int, dtype: Any, tolerance: float, monkeypatch):
    monkeypatch.setattr(PictureConv, "PACKING", packing)
    values = found(network(), dtype)
    assert values.keys() == GOLDEN.keys()
    for name, expected in GOLDEN.items():
        assert values[name] == pytest.approx(expected, rel=tolerance, abs=tolerance), name
