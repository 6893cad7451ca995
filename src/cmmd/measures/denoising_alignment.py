"""Alignment from the model's own denoising error: how much better it denoises a clip under its own condition (ours).

The denoising error of a clip under its own condition is compared with the mean error under conditions of other clips.
0 is chance, and the value of real clips is the ceiling. No detector is needed. Because the model is the judge, the
measure compares samples with real clips, but not one model with another.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from cmmd.clips.geometry import SPECTROGRAM_FRAMES_PER_VIDEO_FRAME
from cmmd.diffusion.hearing import heard, predict_target, select
from cmmd.diffusion.process import PredictionType, diffuse, prediction_target
from cmmd.losses.denoising import denoising_errors
from cmmd.measures.retrieval import TIMES
from cmmd.models.blocks import Modality
from cmmd.models.coupled_unet import CoupledUNet
from cmmd.models.exchange import OTHER

OTHERS = 3
"""Number of conditions of other clips that are tried for each clip. More take longer and change little."""


@torch.no_grad()
def denoising_alignment(
    unet: CoupledUNet,
    targets: Float[Tensor, "b ct ..."],
    conditions: Float[Tensor, "b cc ..."],
    *,
    modality: Modality,
    times: Sequence[float] = TIMES,
    others: int = OTHERS,
    seed: int = 0,
    prediction_type: PredictionType = "v_prediction",
) -> Float[Tensor, " b"]:
    """Returns 1 - (error under its own condition) / (mean error under others) for every target of `modality`.

    targets, conditions: standardised. The other conditions of clip i are those of the clips before it, cyclically. The
    noise is the same under all conditions. Raises ValueError for fewer than two clips.
    """
    count = len(targets)
    if count < 2:
        raise ValueError(f"found {count} clips, expected at least 2 to exchange conditions of")
    condition = heard(unet, conditions, modality=OTHER[modality])
    frames = targets.shape[2] if modality == "video" else targets.shape[3] // SPECTROGRAM_FRAMES_PER_VIDEO_FRAME
    generator = torch.Generator().manual_seed(seed)
    tried = [select(condition, torch.arange(count).roll(shift)) for shift in range(min(others, count - 1) + 1)]
    errors = targets.new_zeros(len(tried), count)
    for time in times:
        noise = torch.randn(targets.shape, generator=generator).to(targets)
        t = targets.new_full((count, frames), time)
        noisy = diffuse(targets, noise, t)
        aim = prediction_target(targets, noise, t, prediction_type=prediction_type)
        for row, candidate in enumerate(tried):
            predicted = predict_target(unet, noisy, modality=modality, t=t, condition=candidate)
            errors[row] += denoising_errors(predicted, aim, mask=torch.ones_like(t))
    return 1 - errors[0] / errors[1:].mean(0)
