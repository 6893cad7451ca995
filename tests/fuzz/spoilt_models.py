"""A tiny model folder, and the ways in which one gets spoilt: settings, weights and files."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny
from safetensors.torch import load_file, save_file
from spoiling import json_text, spoilt_bytes, spoilt_text, spoilt_value

from cmmd.clips.geometry import Geometry
from cmmd.data.statistics import Statistics
from cmmd.models.coupled_unet import CoupledUNet
from cmmd.models.network_config import NetworkConfig
from cmmd.pipeline import CMMDPipeline

GEOMETRY = Geometry(frames=4, mels=16, image_size=32)
CONFIGS = (
    *("model_index.json", "model_index.json", "unet/config.json", "unet/config.json"),
    *("video_autoencoder/config.json", "scheduler/scheduler_config.json"),
)
WEIGHTS = ("unet", "video_autoencoder")
NAME = "diffusion_pytorch_model.safetensors"


def make_model(folder: Path) -> None:
    """Some ten thousand weights, none of them zero."""
    torch.manual_seed(0)
    network = NetworkConfig(video_widths=(8,), audio_widths=(8,), attention_levels=(0,), heads=2, message_width=8)
    unet = CoupledUNet(frames=4, latent_size=4, mels=16, network=network)
    with torch.no_grad():
        for parameter in unet.parameters():
            parameter += 0.05 * torch.randn_like(parameter)
    widths: Any = (8, 8, 8, 8)
    autoencoder = AutoencoderTiny(
        encoder_block_out_channels=widths,
        decoder_block_out_channels=widths,
        num_encoder_blocks=(0, 1, 1, 1),
        num_decoder_blocks=(1, 1, 1, 0),
    )
    pipeline = CMMDPipeline.assemble(
        unet=unet,
        video_autoencoder=autoencoder,
        geometry=GEOMETRY,
        codec="log_mel",
        video_statistics=Statistics(mean=(0.3, -0.2, 0.1, 0.5), std=(0.5, 2.0, 1.5, 0.7)),
        audio_statistics=Statistics(mean=(-2.0,), std=(1.5,)),
    )
    pipeline.save_pretrained(folder)


def use(folder: Path) -> None:
    """Load it, and make two frames of sound; what comes out is finite."""
    pipeline = CMMDPipeline.from_pretrained(folder)
    size, fps = pipeline.geometry.image_size, pipeline.geometry.fps
    if size <= 256 and fps <= 100 and pipeline.geometry.frames <= 64:
        (take,) = pipeline.video_to_audio(np.zeros((2, size, size, 3), np.uint8), steps=1)
        if not np.isfinite(take.waveform).all():
            raise AssertionError("a waveform that is not finite")


def spoil(folder: Path, random: Random) -> None:
    """One spoilt folder."""
    random.choice(CHANGES)(folder, random)


def _values(folder: Path, random: Random) -> None:
    path = folder / random.choice(CONFIGS)
    path.write_text(json_text(spoilt_value(json.loads(path.read_text()), random)))


def _text(folder: Path, random: Random) -> None:
    path = folder / random.choice(CONFIGS)
    path.write_bytes(spoilt_text(path.read_text(), random))


def _header(folder: Path, random: Random) -> None:
    """Of the weights: shapes, types and offsets; sometimes with a length that does not fit."""
    path = folder / random.choice(WEIGHTS) / NAME
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    name = random.choice(sorted(set(header) - {"__metadata__"}))
    header[name] = spoilt_value(header[name], random) if random.random() < 0.7 else header[name]
    text = json_text(header).encode()
    claimed = random.choice((len(text), len(text), len(text), len(text) + 8, 2**20, 2**40, 2**63))
    path.write_bytes(claimed.to_bytes(8, "little") + text + data[8 + length :])


def _tensors(folder: Path, random: Random) -> None:
    path = folder / random.choice(WEIGHTS) / NAME
    tensors = load_file(path)
    name = random.choice(sorted(tensors))
    tensor = tensors[name]
    kind = random.randrange(9)
    if kind == 0:
        tensor.view(-1)[random.randrange(tensor.numel())] = random.choice((float("nan"), float("inf")))
    elif kind == 1:
        tensors[name] = tensor.to(random.choice((torch.int8, torch.int64, torch.bool, torch.complex64)))
    elif kind == 2:
        tensors[name] = torch.full(tensor.shape, 1e300, dtype=torch.float64)
    elif kind == 3:
        tensors[name] = tensor.to(random.choice((torch.float16, torch.bfloat16, torch.float64)))
    elif kind == 4:
        del tensors[name]
    elif kind == 5:
        tensors[random.choice(("foreign", "unet.weight", "é"))] = torch.zeros(3)
    elif kind == 6:
        tensors[name] = torch.zeros(random.choice(((0,), (1,), (3, 3, 3), (*tensor.shape, 1))))
    elif kind == 7:
        tensors = {f"module.{name}": tensor for name, tensor in tensors.items()}
    else:
        tensors[name] = tensor.flip(0) * 1e30
    save_file(tensors, path, metadata={"format": random.choice(("pt", "pt", "tf", ""))})


def _bytes(folder: Path, random: Random) -> None:
    path = folder / random.choice(WEIGHTS) / NAME
    path.write_bytes(spoilt_bytes(path.read_bytes(), random))


def _files(folder: Path, random: Random) -> None:
    """What stands in the place of a file or folder."""
    path = random.choice(sorted(folder.rglob("*")))
    if path.is_dir():
        shutil.rmtree(path)
        kinds = ("nothing", "empty", "link", "pipe")
    else:
        path.unlink()
        kinds = ("nothing", "empty", "folder", "loop", "pipe", "zero", "link")
    match random.choice(kinds):
        case "empty":
            path.touch()
        case "folder":
            path.mkdir()
        case "loop":
            path.symlink_to(path.name)
        case "link":
            path.symlink_to(folder.parent / "missing")
        case "pipe":
            os.mkfifo(path)
        case "zero":
            path.symlink_to("/dev/zero")


def _index(folder: Path, random: Random) -> None:
    """An index of weights in several files."""
    part = folder / random.choice(WEIGHTS)
    names = list(load_file(part / NAME))
    files: dict[str, Any] = dict.fromkeys(names, NAME)
    index = spoilt_value({"metadata": {"total_size": 1}, "weight_map": files}, random)
    (part / f"{NAME}.index.json").write_text(json_text(index))


CHANGES: tuple[Callable[[Path, Random], None], ...] = (
    *(_values, _values, _values, _values, _text, _header, _header, _tensors, _tensors, _bytes, _files, _index),
)
