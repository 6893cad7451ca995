"""Trains the embedded autoencoder on frames of the world (ours: decision 03)."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from cmmd.data.order import batch_indices
from cmmd.data.world.clip import IMAGE_SIZE, WorldClip
from cmmd.data.world.rendering import WorldConfig, render, require_pixels_in_memory
from cmmd.latents.video_autoencoder import frames_to_pixels, small_autoencoder
from cmmd.losses.reconstruction import reconstruction_losses
from cmmd.progress import progress
from cmmd.recipes.model_folder import save_model
from cmmd.training.distributed import Ranks
from cmmd.training.loop_config import LoopConfig
from cmmd.training.objective import MicroBatch, Objective, Term, step_generator
from cmmd.training.run import run_training
from cmmd.training.run_folder import MODEL

CROP = 32
"""Pixels of a training crop: the network is convolutional, and a quarter of a frame costs a quarter."""
EVERY = 4
"""Neighbouring frames are nearly the same picture: one in this many is kept."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AutoencoderRecipe:
    """data: the clips whose frames are learnt. loop: how. Raises ValueError for more frames than fit into memory."""

    data: WorldConfig = field(default_factory=lambda: WorldConfig(clips=1000, frames=16))
    loop: LoopConfig = field(
        default_factory=lambda: LoopConfig(steps=3200, batch_size=32, learning_rate=4e-3, ema_decay=0.995)
    )

    def __post_init__(self) -> None:
        require_pixels_in_memory(self.data, every=EVERY)


def world_autoencoder() -> AutoencoderRecipe:
    """The shipped autoencoder."""
    return AutoencoderRecipe()


class PixelBatch(NamedTuple):
    """pixels: crops in [-1, 1]. noise: for their latents."""

    pixels: Float[Tensor, "b 3 h w"]
    noise: Float[Tensor, "b c lh lw"]


def run(config: AutoencoderRecipe, *, out: Path, resume: bool, recipe: str | None = None, ranks: Ranks) -> None:
    """Train into `out`; the result is `out/model`, a diffusers folder."""
    loop = config.loop
    torch.manual_seed(loop.seed)
    autoencoder = small_autoencoder()
    objective = autoencoder_objective(
        _frames(config.data),
        batch_size=loop.batch_size,
        latent_channels=autoencoder.config["latent_channels"],
        seed=loop.seed,
    )
    model = run_training(
        autoencoder, objective, loop=loop, config=config, out=out, resume=resume, recipe=recipe, ranks=ranks
    )
    assert isinstance(model, AutoencoderTiny)
    if ranks.is_main:
        save_model(model, out / MODEL)


def autoencoder_objective(
    frames: UInt8[Tensor, "frames h w 3"], *, batch_size: int, latent_channels: int, seed: int
) -> Objective:
    """Reconstruction of crops, all of a batch at one place of the picture."""

    def draw(step: int, micro_batch: MicroBatch) -> PixelBatch:
        generator = step_generator(seed, step)
        # Crops on the grid of the latents, so that a patch is cut as it will be cut later.
        top, left = (8 * torch.randint(0, (IMAGE_SIZE - CROP) // 8 + 1, (2,), generator=generator)).tolist()
        noise = torch.randn(batch_size, latent_channels, CROP // 8, CROP // 8, generator=generator)
        chosen = batch_indices(len(frames), batch_size, seed=seed, step=step).chunk(micro_batch.count)[
            micro_batch.index
        ]
        pixels = frames_to_pixels(frames[chosen][:, top : top + CROP, left : left + CROP])
        return PixelBatch(pixels, noise.chunk(micro_batch.count)[micro_batch.index])

    def losses(model: nn.Module, batch: PixelBatch) -> dict[str, Term]:
        assert isinstance(model, AutoencoderTiny)
        count = torch.full((), len(batch.pixels), device=batch.pixels.device)
        terms = reconstruction_losses(model, batch.pixels, noise=batch.noise)
        return {name: Term(value * count, count) for name, value in terms.items()}

    return Objective(draw, losses)


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
