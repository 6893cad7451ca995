"""Folders of small media files to prepare, and an autoencoder that costs nothing."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from made_media import MadeSound, MadeVideo, click, make_media, steady_times

from cmmd.data.preparing.prepare_config import PrepareConfig


def made_clip(
    path: Path, *, seconds: float = 2.0, seed: int = 0, sound: bool = True, clicks: tuple[float, ...] = (0.7, 2.3)
) -> Path:
    """A grey noise film at 10 fps with clicks."""
    path.parent.mkdir(parents=True, exist_ok=True)
    count = round(seconds * 10)
    frames = np.random.default_rng(seed).integers(0, 256, (count, 32, 32, 1), np.uint8).repeat(3, axis=3)
    video = MadeVideo(frames, steady_times(count, 10))
    heard = sum((click(seconds, at) for at in clicks), start=click(seconds, -1.0))
    streams = [video, MadeSound(heard, codec="pcm_s16le", sample_format="s16")] if sound else [video]
    return make_media(path, *streams)


def made_folder(folder: Path, *, clips: int = 7) -> Path:
    """Films of 2.0 s and longer, and one without sound."""
    for number in range(clips):
        made_clip(folder / f"{number}.mkv", seconds=2.0 + 0.4 * number, seed=number)
    made_clip(folder / "mute.mkv", sound=False)
    return folder


def made_autoencoder(folder: Path) -> str:
    """A random AutoencoderKL of Stable Diffusion's kind, 8x smaller with 4 channels, saved to a folder."""
    torch.manual_seed(0)
    sizes: dict[str, Any] = {  # diffusers declares tuples of one
        "down_block_types": ("DownEncoderBlock2D",) * 4,
        "up_block_types": ("UpDecoderBlock2D",) * 4,
        "block_out_channels": (8,) * 4,
    }
    AutoencoderKL(**sizes, norm_num_groups=4, latent_channels=4).save_pretrained(folder)
    return str(folder)


def small_config(**settings) -> PrepareConfig:
    """Clips of 1.6 s with the shipped autoencoder, three files a shard."""
    return PrepareConfig(**{"autoencoder": "shipped", "seconds": 1.6, "requests_per_shard": 3} | settings)
