"""The training objective of a recipe, and its loss on held-out clips (ours: decision 05)."""

from dataclasses import replace

import torch
from jaxtyping import Int
from torch import Tensor, nn

from cmmd.data.training_clips import TrainingClips
from cmmd.errors import InputError
from cmmd.losses.contrastive import WeightSchedule
from cmmd.models.coupled_unet import CoupledUNet
from cmmd.recipes.coupled import CoupledRecipe
from cmmd.training.batch import BatchConfig, TrainingBatch, draw_batch
from cmmd.training.cmmd_losses import cmmd_losses
from cmmd.training.held_out import HeldOut
from cmmd.training.objective import MicroBatch, Objective, Terms


def cmmd_objective(
    config: CoupledRecipe, clips: TrainingClips, batch: BatchConfig | None = None, *, first: int = 0
) -> Objective:
    """The CMMD losses of a recipe on `clips`. batch: settings of the batches; by default those of the recipe. first:
    number of the first of the clips among all clips of the recipe."""
    batch = batch or config.batch_config()
    video_clips = clips_with_trained_video(config, range(first, first + len(clips)))

    def draw(step: int, micro_batch: MicroBatch) -> TrainingBatch:
        return draw_batch(
            clips, batch, seed=config.loop.seed, step=step, micro_batch=micro_batch, video_clips=video_clips
        )

    def losses(model: nn.Module, drawn: TrainingBatch) -> Terms:
        assert isinstance(model, CoupledUNet)
        return cmmd_losses(model, drawn, contrastive=batch.contrastive, prediction_type=config.prediction_type)

    return Objective(draw, losses)


def clips_with_trained_video(config: CoupledRecipe, clips: range) -> Int[Tensor, " k"] | None:
    """Indices within `clips` of the world clips that are not of a family in `config.clips.sound_only`; None if all are.

    World clips are in the order of `render`: the families in turn.
    """
    if not config.clips.sound_only:
        return None
    families = config.clips.data.families
    other = [families[clip % len(families)] not in config.clips.sound_only for clip in clips]
    return torch.tensor(other).nonzero().flatten()


def held_out_gaps(config: CoupledRecipe, clips: TrainingClips) -> HeldOut:
    """The held-out loss of a recipe: minus the mean gap, over the kinds of mismatch, on these clips.

    The gap is the error under a wrong condition minus the error under the right one. It replaces the denoising loss,
    which keeps improving on what all clips have in common: the gap measures whether the conditions of these clips are
    used. A batch of one clip has no `other_clip` negatives. Raises InputError if no kind of mismatch is left.
    """
    size = min(config.loop.batch_size, len(clips))
    kinds = tuple(kind for kind in config.contrastive.mismatches if kind != "other_clip" or size > 1)
    if not kinds:
        few = "1 clip is held out" if len(clips) == 1 else "loop.batch_size is 1"
        raise InputError(f"{few}, expected 2 or more to tell the condition from that of another clip")
    batch = replace(
        config.batch_config(),
        size=size - size % 2 if size > 1 else size,
        contrastive=replace(
            config.contrastive,
            negatives="conditions",
            weight=1.0,
            fraction=1.0,
            mismatches=kinds,
            schedule=WeightSchedule(),
        ),
        conditioning=replace(config.conditioning, video_to_audio=0.5, audio_to_video=0.5, joint=0.0, dropout=0.0),
    )

    def loss(terms: dict[str, float]) -> float:
        gaps = [terms[f"gap_{kind}"] for kind in kinds if f"gap_{kind}" in terms]
        return -sum(gaps) / len(gaps)

    data = config.clips.data
    first = data.clips * len(data.families) - len(clips)
    return HeldOut(objective=cmmd_objective(config, clips, batch, first=first), batch_size=batch.size, loss=loss)
