"""Trains the shipped autoencoder on frames of the world and on procedural pictures (ours: decisions 03 and 12)."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from cmmd.data.order import batch_indices
from cmmd.data.pictures.rendering import render_pictures
from cmmd.data.world.clip import IMAGE_SIZE
from cmmd.data.world.rendering import WorldConfig, render, require_pixels_in_memory
from cmmd.files.foreign_files import reading
from cmmd.latents.event_autoencoder import EventAutoencoder
from cmmd.latents.event_encoder import EventEncoder
from cmmd.latents.small_autoencoder import small_autoencoder, widened_autoencoder
from cmmd.latents.video_autoencoder import absolute_name, frames_to_pixels, load_embedded
from cmmd.losses.reconstruction import reconstruction_losses
from cmmd.recipes.model_folder import save_model
from cmmd.runtime.progress import progress
from cmmd.training.distributed import Ranks
from cmmd.training.loop_config import LoopConfig, OptimizerConfig, ReportsConfig
from cmmd.training.objective import MicroBatch, Objective, Term, step_generator
from cmmd.training.run import run_training
from cmmd.training.run_folder import MODEL

CROP = 32
"""Side of a training crop in pixels. The network is convolutional, so a quarter of a frame costs a quarter."""
EVERY = 4
"""One frame in EVERY is used, because neighbouring frames are nearly equal."""
LARGEST = {"pictures": 10**6, "latent_channels": 64, "width": 1024}
"""Largest accepted values. This number of pictures takes 12 GB."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AutoencoderRecipe:
    """start: folder, hub:ORG/NAME or `shipped`: autoencoder whose latents are the first latent channels of the result
    (see `widened_autoencoder`), and whose event encoder it keeps; None for random weights. data: clips whose frames are
    trained on. pictures: number of procedural pictures that are trained on too. latent_channels: channels of the
    latents. width: channels inside the network. loop: settings of the training loop.

    Raises ValueError if the frames do not fit into memory, if a size is below its minimum (0 for pictures, 1 for the
    others) or above LARGEST, or with a start for weight decay, which would change its latents, and for sharded weights.
    """

    start: str | None = None
    data: WorldConfig = field(default_factory=lambda: WorldConfig(clips=1000, frames=16))
    pictures: int = 0
    latent_channels: int = 4
    width: int = 32
    loop: LoopConfig = field(
        default_factory=lambda: LoopConfig(
            steps=3200, batch_size=32, optimizer=OptimizerConfig(learning_rate=4e-3), ema_decay=0.995
        )
    )

    def __post_init__(self) -> None:
        require_pixels_in_memory(self.data, every=EVERY)
        for name, least in (("pictures", 0), ("latent_channels", 1), ("width", 1)):
            if not least <= getattr(self, name) <= LARGEST[name]:
                raise ValueError(f"{name} is {getattr(self, name)}, expected {least} to {LARGEST[name]}")
        decay, fsdp = self.loop.optimizer.weight_decay, self.loop.execution.fsdp
        if self.start is not None and (decay or fsdp):
            raise ValueError(f"weight_decay is {decay} and fsdp {fsdp}, expected 0 and False with start")


def world_autoencoder() -> AutoencoderRecipe:
    """An autoencoder of the plain families' frames, with the first four latent channels of the shipped one."""
    return AutoencoderRecipe()


def world_wider_autoencoder() -> AutoencoderRecipe:
    """The configuration of the shipped autoencoder, which adds latent channels and width to that of `start`."""
    families = ("hits",) * 4 + ("impacts", "dance")
    return AutoencoderRecipe(
        start="shipped",
        data=WorldConfig(families=families, clips=500, seed=40_000),
        pictures=20_000,
        latent_channels=12,
        width=48,
        loop=LoopConfig(
            steps=6500,
            batch_size=64,
            optimizer=OptimizerConfig(learning_rate=2e-3, warmup=100),
            ema_decay=0.998,
            reports=ReportsConfig(save_every=250),
        ),
    )


class PixelBatch(NamedTuple):
    """pixels: crops in [-1, 1]. noise: standard normal noise for their latents."""

    pixels: Float[Tensor, "b 3 h w"]
    noise: Float[Tensor, "b c lh lw"]


def run(config: AutoencoderRecipe, *, out: Path, resume: bool, recipe: str | None = None, ranks: Ranks) -> None:
    """Train into folder `out`. The main rank saves the autoencoder to `out/model`, a diffusers folder.

    Raises InputError if the autoencoder to start from is not an embedded one, or larger than that of the recipe.
    """
    loop = config.loop
    config = replace(config, start=config.start and absolute_name(config.start))
    torch.manual_seed(loop.seed)
    autoencoder, events = _untrained(config)
    objective = autoencoder_objective(
        training_frames(config),
        batch_size=loop.batch_size,
        latent_channels=config.latent_channels,
        seed=loop.seed,
    )
    model = run_training(
        autoencoder, objective, loop=loop, config=config, out=out, resume=resume, recipe=recipe, ranks=ranks
    )
    assert isinstance(model, AutoencoderTiny)
    if ranks.is_main:
        save_model(model if events is None else EventAutoencoder.of(model.cpu(), events), out / MODEL)


def _untrained(config: AutoencoderRecipe) -> tuple[AutoencoderTiny, EventEncoder | None]:
    """Returns the autoencoder to train, and the event encoder of the one it starts from."""
    sizes = {"latent_channels": config.latent_channels, "width": config.width}
    if config.start is None:
        return small_autoencoder(**sizes), None
    known, events = load_embedded(config.start)
    with reading(config.start, expected="an autoencoder that fits into that of the recipe"):
        return widened_autoencoder(known, **sizes), events


def autoencoder_objective(
    frames: UInt8[Tensor, "frames h w 3"], *, batch_size: int, latent_channels: int, seed: int
) -> Objective:
    """Reconstruction losses on crops. All crops of a batch have the same position in the frame."""

    def draw(step: int, micro_batch: MicroBatch) -> PixelBatch:
        generator = step_generator(seed, step)
        # Crops are aligned to the 8-pixel grid of the latents, as the patches of a whole frame are.
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


def training_frames(config: AutoencoderRecipe) -> UInt8[Tensor, "frames h w 3"]:
    """One frame in EVERY of all clips, followed by the pictures."""
    data = config.data
    bar = progress(data.clips * len(data.families) + config.pictures, "clips and pictures", unit="picture")
    found = []
    for clip in render(data):
        found.append(clip.frames[::EVERY])
        bar.update()
    for picture in render_pictures(config.pictures):
        found.append(picture[None])
        bar.update()
    bar.close()
    return torch.from_numpy(np.concatenate(found))
