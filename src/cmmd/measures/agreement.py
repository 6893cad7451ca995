"""Agreement of a generated target with its condition, from the model's own denoising error (ours: decision 13).

A target is noised and denoised under its condition and under copies of the condition shifted in time. If the shifted
conditions give an equal error, the model found no timing in the condition. It takes four passes of the network.
"""

from collections.abc import Iterable

import torch
from jaxtyping import Float
from torch import Tensor

from cmmd.clips.geometry import SPECTROGRAM_FRAMES_PER_VIDEO_FRAME
from cmmd.diffusion.hearing import heard, predict_target, repeat
from cmmd.diffusion.mismatch import circularly_shifted
from cmmd.diffusion.process import PredictionType, diffuse, prediction_target
from cmmd.diffusion.windows import WINDOW_BATCH, Windows
from cmmd.errors import InputError
from cmmd.losses.denoising import denoising_errors
from cmmd.models.blocks import Modality
from cmmd.models.coupled_unet import CoupledUNet
from cmmd.models.exchange import OTHER, Condition

TIME = 0.5
"""Diffusion time of the noised targets. With less noise, a target is denoised well without its condition; with more
noise, conditions have little effect (decision 13)."""
SHIFTS = 3
UNKNOWN_BELOW = 0.25
"""Score of the best take below which a condition counts as unlike the training data. Medians of the shipped model
without events: 0.89 on the standard world, 0.40 on real clips with visible hits, 0.07 on other real clips."""


def unknown_condition(scores: Iterable[float | None], *, limit: float = UNKNOWN_BELOW) -> str | None:
    """Returns one line if the best score of all takes of a condition is below `limit`, otherwise None; also None if
    there is no score. limit: `LatentPipeline.unknown_below` of the model."""
    known = [score for score in scores if score is not None]
    if not known or max(known) >= limit:
        return None
    best = round(max(known), 2) + 0.0  # no -0.00
    return (
        f"beyond what the model has learnt: the best take scores {best:.2f}, and takes of clips like its training data "
        f"score {limit} or more"
    )


def can_judge(unet: CoupledUNet) -> bool:
    """Whether a model has an encoded condition to shift: not with `clean_hears` or `shared_time`."""
    return not (unet.network.clean_hears or unet.network.shared_time)


def check_judged(unet: CoupledUNet) -> None:
    """Raises InputError for a model with `clean_hears` or `shared_time`: it has no encoded condition to shift."""
    for name in ("clean_hears", "shared_time"):
        if getattr(unet.network, name):
            raise InputError(f"a model with {name}: found no encoded condition, expected one to shift in time")


@torch.no_grad()
def agreement(
    unet: CoupledUNet,
    condition: Float[Tensor, "one c ..."],
    targets: Float[Tensor, "b ct ..."],
    *,
    target: Modality,
    window: int,
    prediction_type: PredictionType = "v_prediction",
    seed: int = 0,
) -> Float[Tensor, " b"]:
    """Returns 1 - error under the condition / mean error under shifted conditions, for each standardised target.

    At most 1; 0 means that the condition contains no timing. All targets get the same noise, so that targets of one
    condition can be compared. window: the network's clip length in video frames; the error of a longer clip is summed
    over its windows. Raises InputError as `check_judged`, and ValueError for clips shorter than a window.
    """
    check_judged(unet)
    other, axis = OTHER[target], 2 if target == "video" else 3
    frames = targets.shape[axis] // (1 if target == "video" else SPECTROGRAM_FRAMES_PER_VIDEO_FRAME)
    windows = Windows(frames, window)
    noise = torch.randn(targets.shape[1:], generator=torch.Generator().manual_seed(seed)).to(targets)
    times = targets.new_full((len(targets), frames), TIME)
    noisy = diffuse(targets, noise.expand_as(targets), times)
    aim = prediction_target(targets, noise.expand_as(targets), times, prediction_type=prediction_type)
    own, shifted = targets.new_zeros(len(targets)), targets.new_zeros(len(targets))
    for starts in windows.batches(WINDOW_BATCH):
        given = heard(unet, windows.cut(condition.to(targets), other, starts), modality=other)
        assert isinstance(given, Condition)
        t = windows.cut_times(times[:1], starts, batch=len(targets))
        noisy_windows, aims = windows.cut(noisy, target, starts), windows.cut(aim, target, starts)
        wrong = [circularly_shifted(given, frames=window, turn=turn) for turn in range(SHIFTS)]
        errors = []
        for said in (given, *wrong):
            said = repeat(said, len(targets))
            predicted = predict_target(unet, noisy_windows, modality=target, t=t, condition=said)
            errors.append(denoising_errors(predicted, aims, mask=torch.ones_like(t)))
        by_window = torch.stack(errors).unflatten(1, (len(starts), len(targets)))
        own += by_window[0].sum(dim=0)
        shifted += by_window[1:].mean(dim=0).sum(dim=0)
    return 1 - own / shifted
