"""World clips as files, with their sound moved, for tests of evaluations."""

import json
from pathlib import Path

import numpy as np
import torch

from cmmd.clips.geometry import Geometry
from cmmd.clips.writing import write_sound
from cmmd.data.statistics import Statistics
from cmmd.data.world.families import world_clip
from cmmd.data.world.files import write_world
from cmmd.evaluation.measuring.delay_response import delayed
from cmmd.latents.small_autoencoder import small_autoencoder
from cmmd.models.coupled_unet import CoupledUNet
from cmmd.models.network_config import NetworkConfig
from cmmd.pipeline import CMMDPipeline

FIRST = 1_000_000


def real_clips(folder: Path, *, clips: int) -> Path:
    """Impacts with their known times."""
    write_world("impacts", folder, clips=clips, seed=FIRST)
    return folder


def made_sounds(folder: Path, *, clips: int, delay: float = 0.0, noise: float = 0.0) -> Path:
    """The true sounds, late by `delay` seconds and with white noise of that deviation."""
    folder.mkdir(parents=True)
    for seed in range(FIRST, FIRST + clips):
        sound = delayed(world_clip("impacts", seed).waveform, delay, sample_rate=16_000)
        sound = sound + noise * np.random.default_rng(seed).normal(size=len(sound)).astype(np.float32)
        write_sound(sound.clip(-1, 1), folder / f"impacts-{seed:07d}.wav", sample_rate=16_000)
    return folder


def without_events(folder: Path) -> None:
    """As clips of no known times."""
    for file in folder.glob("*.json"):
        file.write_text(json.dumps({"family": ""}))


def random_model(folder: Path) -> Path:
    """A small model of random weights."""
    torch.manual_seed(0)
    unet = CoupledUNet(
        network=NetworkConfig(video_widths=(8, 8, 16), audio_widths=(8, 16, 16), message_width=8, heads=2)
    )
    with torch.no_grad():
        for parameter in unet.parameters():
            parameter += 0.05 * torch.randn_like(parameter)
    pipeline = CMMDPipeline.assemble(
        unet=unet,
        video_autoencoder=small_autoencoder(),
        geometry=Geometry(),
        codec="log_mel",
        video_statistics=Statistics(mean=(0.0,) * 4, std=(1.0,) * 4),
        audio_statistics=Statistics(mean=(-5.0,), std=(2.0,)),
    )
    pipeline.save_pretrained(folder)
    return folder
