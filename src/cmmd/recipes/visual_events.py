"""Trains the detector of event times in video frames that `cmmd evaluate` measures with (ours: decision 06)."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from cmmd.data.order import batch_indices
from cmmd.data.world.clip import FPS, IMAGE_SIZE
from cmmd.data.world.rendering import WorldConfig, require_pixels_in_memory
from cmmd.measures.visual_events import VisualEventDetector, damage, frames_to_video
from cmmd.recipes.event_examples import event_examples
from cmmd.recipes.model_folder import save_model
from cmmd.training.distributed import Ranks
from cmmd.training.loop_config import LoopConfig, OptimizerConfig, ReportsConfig
from cmmd.training.objective import MicroBatch, Objective, Term, step_generator
from cmmd.training.run import run_training
from cmmd.training.run_folder import MODEL


@dataclass(frozen=True, kw_only=True, slots=True)
class VisualEventsRecipe:
    """data: training clips. width, depth: channels and depth of the network. loop: settings of the training loop.

    Raises ValueError if the frames of all clips do not fit into memory, if width is outside 1 to 4096, or if depth is
    outside 1 to 64.
    """

    data: WorldConfig = field(default_factory=lambda: WorldConfig(clips=2500, frames=16, seed=500_000))
    width: int = 128
    depth: int = 2
    loop: LoopConfig = field(
        default_factory=lambda: LoopConfig(
            steps=1000,
            batch_size=16,
            optimizer=OptimizerConfig(learning_rate=2e-3, weight_decay=0.02),
            ema_decay=0.99,
            reports=ReportsConfig(save_every=100),
        )
    )

    def __post_init__(self) -> None:
        require_pixels_in_memory(self.data)
        for name, most in (("width", 4096), ("depth", 64)):
            if not 1 <= getattr(self, name) <= most:
                raise ValueError(f"{name} is {getattr(self, name)}, expected 1 to {most}")


def world_visual_events() -> VisualEventsRecipe:
    """The configuration of the shipped detector."""
    return VisualEventsRecipe()


class DamagedClips(NamedTuple):
    """video: augmented clips in [-1, 1]. targets: event curves with a bump of height 1 at every event."""

    video: Float[Tensor, "b 3 f h w"]
    targets: Float[Tensor, "b bins"]


def run(config: VisualEventsRecipe, *, out: Path, resume: bool, recipe: str | None = None, ranks: Ranks) -> None:
    """Train into folder `out`. The main rank saves the detector to `out/model`."""
    loop = config.loop
    objective = detection_objective(*event_examples(config.data), batch_size=loop.batch_size, seed=loop.seed)
    torch.manual_seed(loop.seed)
    detector = VisualEventDetector(image_size=IMAGE_SIZE, fps=FPS, width=config.width, depth=config.depth)
    trained = run_training(
        detector, objective, loop=loop, config=config, out=out, resume=resume, recipe=recipe, ranks=ranks
    )
    assert isinstance(trained, VisualEventDetector)
    if ranks.is_main:
        save_model(trained, out / MODEL)


def detection_objective(
    frames: UInt8[Tensor, "clips f h w 3"], targets: Float[Tensor, "clips bins"], *, batch_size: int, seed: int
) -> Objective:
    """Mean binary cross-entropy over all time bins, on augmented copies of the frames (see `damage`)."""

    def draw(step: int, micro_batch: MicroBatch) -> DamagedClips:
        chosen = batch_indices(len(frames), batch_size, seed=seed, step=step)
        video = damage(frames_to_video(frames[chosen]), step_generator(seed, step))
        parts = (x.chunk(micro_batch.count)[micro_batch.index] for x in (video, targets[chosen]))
        return DamagedClips(*parts)

    def losses(model: nn.Module, batch: DamagedClips) -> dict[str, Term]:
        assert isinstance(model, VisualEventDetector)
        count = torch.full((), len(batch.video), device=batch.video.device)
        return {"loss": Term(F.binary_cross_entropy_with_logits(model(batch.video), batch.targets) * count, count)}

    return Objective(draw, losses)
