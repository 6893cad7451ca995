"""Retrieves the condition of a clip: the one under which its denoising error is lowest (ours).

This needs neither sampling nor a detector. It measures what the model understands, not what it can generate.
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
"""Diffusion times of the errors. Below, a target is denoised well without its condition; above, conditions have little
effect."""


@dataclass(frozen=True, slots=True)
class Retrieval:
    """candidates: number of conditions. first: share of the clips whose own condition ranks first. rank: mean rank of
    the own condition, from 1."""

    candidates: int
    first: float
    rank: float

    @property
    def chance(self) -> float:
        """Expected `first` at chance level."""
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
    """Ranks all conditions for every target of `modality`, both standardised. Target i belongs to condition i."""
    encoded = heard(unet, conditions, modality=OTHER[modality])
    generator = torch.Generator().manual_seed(seed)
    errors = torch.stack(
        [
            _errors(unet, target[None], encoded, modality, times, generator, prediction_type=prediction_type)
            for target in targets
        ]
    )
    own = errors.diagonal()[:, None]
    # Conditions with an equal error share their ranks: a model that ignores conditions is at chance, not perfect.
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
    """Returns the error of one target under every condition, averaged over `times`. The noise is the same for all."""
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
