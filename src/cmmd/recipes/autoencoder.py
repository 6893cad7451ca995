"""Trains the embedded autoencoder on frames of the world (ours: decision 03)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny
from torch import Tensor, nn

from cmmd.data.order import batch_indices
from cmmd.data.world.clip import IMAGE_SIZE, WorldClip
from cmmd.data.world.rendering import WorldConfig, render
from cmmd.latents.video_autoencoder import frames_to_pixels, small_autoencoder
from cmmd.losses.reconstruction import reconstruction_losses
from cmmd.progress import progress
from cmmd.training.loop import LoopConfig, Part
from cmmd.training.run import run_training
from cmmd.training.team import Team

CROP = 32
"""Pixels of a training crop: the network is convolutional, and a quarter of a frame costs a quarter."""
EVERY = 4
"""Neighbouring frames are nearly the same picture: one in this many is kept."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AutoencoderRecipe:
    """data: the clips whose frames are learnt. loop: how."""

    data: WorldConfig = field(default_factory=lambda: WorldConfig(clips=1000, frames=16))
    loop: LoopConfig = field(
        default_factory=lambda: LoopConfig(steps=3200, batch_size=32, learning_rate=4e-3, average_decay=0.995)
    )


def world_autoencoder() -> AutoencoderRecipe:
    """The shipped autoencoder."""
    return AutoencoderRecipe()


def run(config: AutoencoderRecipe, *, out: Path, resume: bool) -> None:
    """Train into `out`; the result is `out/model`, a diffusers folder."""
    frames = _frames(config.data)
    loop = config.loop

    def losses(model: nn.Module, part: Part, generator: torch.Generator) -> Mapping[str, Tensor]:
        assert isinstance(model, AutoencoderTiny)
        chosen = frames[part.of(batch_indices(len(frames), loop.batch_size, seed=loop.seed, step=part.step))]
        # Crops on the grid of the latents, so that a patch is cut as it will be cut later.
        top, left = (8 * torch.randint(0, (IMAGE_SIZE - CROP) // 8 + 1, (2,), generator=generator)).tolist()
        pixels = frames_to_pixels(chosen[:, top : top + CROP, left : left + CROP]).to(model.device)
        return reconstruction_losses(model, pixels, generator=generator)

    torch.manual_seed(loop.seed)
    model = run_training(small_autoencoder(), losses, loop=loop, config=config, out=out, resume=resume)
    assert isinstance(model, AutoencoderTiny)
    if Team.join().leads:
        model.save_pretrained(out / "model")


def _frames(config: WorldConfig) -> Tensor:
    def kept(clip: WorldClip) -> np.ndarray:
        return clip.frames[::EVERY]

    clips = progress(config.clips * len(config.families), "world clips", unit="clip")
    found = []
    for clip in render(config):
        found.append(torch.from_numpy(kept(clip)))
        clips.update()
    clips.close()
    return torch.cat(found)
