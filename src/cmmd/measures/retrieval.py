"""Which condition belongs to a clip? The one under which its denoising error is lowest (ours).

The model needs no sampling for this, and no detector: it is a measure of what it understands, not of what it can draw.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from cmmd.clips.geometry import SPECTROGRAM_FRAMES_PER_VIDEO_FRAME
from cmmd.diffusion.hearing import Heard, heard, items, predict_target
from cmmd.diffusion.process import PredictionType, diffuse, prediction_target
from cmmd.losses.denoising import denoising_errors
from cmmd.models.blocks import Modality
from cmmd.models.coupled_unet import CoupledUNet
from cmmd.models.exchange import OTHER

TIMES = (0.6, 0.8, 0.95)
"""Errors are taken at these: below, the target gives itself away; above, little of any condition shows."""


@dataclass(frozen=True, slots=True)
class Retrieval:
    """first: share of the clips whose own condition comes first. rank: mean rank of the own condition, from 1."""

    candidates: int
    first: float
    rank: float

    @property
    def chance(self) -> float:
        """The share that comes first by luck."""
        return 1 / self.candidates


@torch.no_grad()
def retrieve(
    unet: CoupledUNet,
    targets: Float[Tensor, "b ct ..."],
    conditions: Float[Tensor, "b cc ..."],
    *,
    modality: Modality,
    times: Sequence[float] = TIMES,
    seed: int = 0,
    prediction_type: PredictionType = "v_prediction",
) -> Retrieval:
    """Rank all conditions for every target of the given modality, both standardised; item i belongs to condition i."""
    encoded = heard(unet, conditions, modality=OTHER[modality])
    generator = torch.Generator().manual_seed(seed)
    errors = torch.stack(
        [
            _errors(unet, target[None], encoded, modality, times, generator, prediction_type=prediction_type)
            for target in targets
        ]
    )
    own = errors.diagonal()[:, None]
    # Conditions that do as well as the own one share its places: a model that is deaf is at chance, and not perfect.
    better, equal = (errors < own).sum(dim=1), (errors == own).sum(dim=1)
    first = (better == 0) / equal
    ranks = better + (equal + 1) / 2
    return Retrieval(len(targets), first.mean().item(), ranks.mean().item())


def _errors(
    unet: CoupledUNet,
    target: Tensor,
    conditions: Heard,
    modality: Modality,
    times: Sequence[float],
    generator: torch.Generator,
    *,
    prediction_type: PredictionType,
) -> Float[Tensor, " b"]:
    """Error of one target under every condition, the same noise for all, over all times."""
    count = items(conditions)
    frames = target.shape[2] if modality == "video" else target.shape[3] // SPECTROGRAM_FRAMES_PER_VIDEO_FRAME
    total = torch.zeros(count, device=target.device)
    for time in times:
        noise = torch.randn(target.shape, generator=generator).to(target.device)
        t = target.new_full((1, frames), time)
        noisy = diffuse(target, noise, t)
        aim = prediction_target(target, noise, t, prediction_type=prediction_type)
        repeats = (count, *(1,) * (target.ndim - 1))
        predicted = predict_target(
            unet, noisy.repeat(repeats), modality=modality, t=t.repeat(count, 1), condition=conditions
        )
        total += denoising_errors(predicted, aim.repeat(repeats), mask=t.new_ones(count, frames))
    return total / len(times)
