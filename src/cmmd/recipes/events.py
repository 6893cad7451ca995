"""Trains an event encoder and joins it to an autoencoder of pictures (ours: decision 14)."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from cmmd.clips.geometry import SPECTROGRAM_FRAMES_PER_VIDEO_FRAME
from cmmd.data.order import batch_indices
from cmmd.data.world.rendering import WorldConfig, require_pixels_in_memory
from cmmd.latents.event_autoencoder import EventAutoencoder
from cmmd.latents.event_encoder import EventEncoder
from cmmd.latents.video_autoencoder import load_embedded
from cmmd.measures.visual_events import frames_to_video
from cmmd.recipes.event_examples import event_examples
from cmmd.recipes.model_folder import save_model
from cmmd.training.distributed import Ranks
from cmmd.training.loop_config import LoopConfig, OptimizerConfig, ReportsConfig
from cmmd.training.objective import MicroBatch, Objective, Term, step_generator
from cmmd.training.run import run_training
from cmmd.training.run_folder import MODEL


@dataclass(frozen=True, kw_only=True, slots=True)
class EventsRecipe:
    """autoencoder: folder, hub:ORG/NAME or `shipped`: the autoencoder of pictures that the event encoder is joined to.
    data: training clips. crop: frames of a training crop. widths: see `EventEncoder`. loop: settings of the training
    loop.

    Raises ValueError if the frames of all clips do not fit into memory, if crop is outside 1 to data.frames, or if a
    width is not a multiple of 4 from 4 to 1024.
    """

    autoencoder: str = "shipped"
    data: WorldConfig = field(
        default_factory=lambda: WorldConfig(families=("hits",) * 5 + ("impacts", "dance"), clips=1000, seed=40_000)
    )
    crop: int = 24
    widths: tuple[int, int, int, int] = (24, 48, 96, 128)
    loop: LoopConfig = field(
        default_factory=lambda: LoopConfig(
            steps=6500,
            batch_size=8,
            optimizer=OptimizerConfig(learning_rate=2e-3, weight_decay=0.01, warmup=50),
            ema_decay=0.995,
            reports=ReportsConfig(save_every=250),
        )
    )

    def __post_init__(self) -> None:
        require_pixels_in_memory(self.data)
        if not 1 <= self.crop <= self.data.frames:
            raise ValueError(f"crop is {self.crop}, expected 1 to data.frames, {self.data.frames}")
        for width in self.widths:
            if width % 4 or not 4 <= width <= 1024:
                raise ValueError(f"widths holds {width}, expected a multiple of 4 from 4 to 1024")


def world_events() -> EventsRecipe:
    """The settings of the shipped event encoder."""
    return EventsRecipe()


class EventBatch(NamedTuple):
    """video: augmented crops in [-1, 1]. targets: event curves with a bump of height 1 at every event."""

    video: Float[Tensor, "b 3 f h w"]
    targets: Float[Tensor, "b n"]


def run(config: EventsRecipe, *, out: Path, resume: bool, recipe: str | None = None, ranks: Ranks) -> None:
    """Train into folder `out`. The main rank saves the joined autoencoder to `out/model`.

    Raises InputError if the autoencoder is neither the embedded one of pictures nor one with an event encoder.
    """
    loop = config.loop
    pictures, _ = load_embedded(config.autoencoder)
    objective = events_objective(
        *event_examples(config.data), crop=config.crop, batch_size=loop.batch_size, seed=loop.seed
    )
    torch.manual_seed(loop.seed)
    trained = run_training(
        EventEncoder(widths=config.widths),
        objective,
        loop=loop,
        config=config,
        out=out,
        resume=resume,
        recipe=recipe,
        ranks=ranks,
    )
    assert isinstance(trained, EventEncoder)
    if ranks.is_main:
        save_model(EventAutoencoder.of(pictures.cpu(), trained.cpu()), out / MODEL)


def events_objective(
    frames: UInt8[Tensor, "clips f h w 3"], targets: Float[Tensor, "clips n"], *, crop: int, batch_size: int, seed: int
) -> Objective:
    """Mean binary cross-entropy over all spectrogram frames, on augmented crops in time (see `varied`)."""
    bins = SPECTROGRAM_FRAMES_PER_VIDEO_FRAME

    def draw(step: int, micro_batch: MicroBatch) -> EventBatch:
        generator = step_generator(seed, step)
        chosen = batch_indices(len(frames), batch_size, seed=seed, step=step).tolist()
        starts = torch.randint(frames.shape[1] - crop + 1, (batch_size,), generator=generator).tolist()
        places = list(zip(chosen, starts, strict=True))
        pixels = torch.stack([frames[index, start : start + crop] for index, start in places])
        curves = torch.stack([targets[index, start * bins : (start + crop) * bins] for index, start in places])
        video = varied(frames_to_video(pixels), generator)
        return EventBatch(*(part.chunk(micro_batch.count)[micro_batch.index] for part in (video, curves)))

    def losses(model: nn.Module, batch: EventBatch) -> dict[str, Term]:
        assert isinstance(model, EventEncoder)
        count = torch.full((), len(batch.video), device=batch.video.device)
        return {"loss": Term(F.binary_cross_entropy_with_logits(model(batch.video), batch.targets) * count, count)}

    return Objective(draw, losses)


def varied(video: Float[Tensor, "b 3 f h w"], generator: torch.Generator) -> Float[Tensor, "b 3 f h w"]:
    """Returns clips in which the same events look different: mirrored, in some clips upside down or as a negative, with
    another contrast and brightness, and in some clips with noise."""
    b = len(video)

    def draw() -> Tensor:
        return torch.rand(b, 1, 1, 1, 1, generator=generator)

    def normal() -> Tensor:
        return torch.randn(b, 1, 1, 1, 1, generator=generator)

    video = torch.where(draw() < 0.5, video, video.flip(-1))
    video = torch.where(draw() < 0.1, video.flip(-2), video)
    video = torch.where(draw() < 0.1, -video, video)
    video = video * (0.2 * normal()).exp() + 0.1 * normal()
    strength = 0.06 * draw() * (draw() < 0.3)
    return (video + strength * torch.randn(video.shape, generator=generator)).clamp(-1, 1)
