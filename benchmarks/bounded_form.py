"""A bounded form of the contrastive term, for the sweep of contrast.py: preference relative to a reference model.

As in SyncDPO (arXiv 2605.12179), after Diffusion-DPO (arXiv 2311.12908), the term is -log sigmoid of a gain: how much
more the model prefers the true target to others than the reference does. The reference is a copy of the model at the
step at which the term begins. The negatives go from coarse to subtle: other clips in the first half of the remaining
steps, time shifts in the second half.
"""

import copy
from dataclasses import replace

import torch
from torch import Tensor, nn

from cmmd.data.encoded_clips import EncodedClips
from cmmd.models.coupled_unet import CoupledUNet
from cmmd.recipes.coupled import CoupledRecipe
from cmmd.recipes.coupled_objective import cmmd_objective
from cmmd.training.batch import TrainingBatch
from cmmd.training.cmmd_losses import Compared, answers, cmmd_losses
from cmmd.training.objective import MicroBatch, Objective, Term, Terms


def bounded_objective(recipe: CoupledRecipe, clips: EncodedClips, *, steps: int) -> Objective:
    """Returns the objective for a recipe whose term begins after the first step. steps: number of training steps."""
    contrastive = recipe.contrastive
    coarse, subtle = (
        cmmd_objective(replace(recipe, contrastive=replace(contrastive, mismatches=kinds)), clips)
        for kinds in (("other_clip",), ("time_shift",))
    )
    middle = (contrastive.schedule.begin + steps) // 2
    reference: list[CoupledUNet] = []

    def draw(step: int, micro_batch: MicroBatch) -> TrainingBatch:
        return (coarse if step < middle else subtle).draw(step, micro_batch)

    def losses(model: nn.Module, drawn: TrainingBatch) -> Terms:
        assert isinstance(model, CoupledUNet)
        plain = cmmd_losses(
            model, drawn._replace(contrast=None), contrastive=contrastive, prediction_type=recipe.prediction_type
        )
        if drawn.contrast is None:
            return plain
        if not reference:
            reference.append(copy.deepcopy(model).requires_grad_(False))
        own = answers(model, drawn, prediction_type=recipe.prediction_type).compared
        with torch.no_grad():
            known = answers(reference[0], drawn, prediction_type=recipe.prediction_type).compared
        total = preference(own["targets"], known["targets"], temperature=contrastive.temperature)
        size = plain["loss"].count
        loss = Term(plain["loss"].total + drawn.contrast.weight * total, size)
        return {**plain, "loss": loss, "contrastive": Term(total, size)}

    return Objective(draw, losses)


def preference(own: Compared, known: Compared, *, temperature: float) -> Tensor:
    """Returns the sum of the term over the items. Distances are divided by `temperature` and by the reference's mean
    distance to the negatives."""
    scale = known.mismatched.mean(0).clamp(min=1e-6) * temperature
    gain = (own.mismatched - own.matched) - (known.mismatched - known.matched)
    terms = -torch.nn.functional.logsigmoid(gain / scale)
    terms = terms.where(own.valid, 0.0).sum(0) / own.valid.sum(0).clamp(min=1)
    return terms @ own.counts
