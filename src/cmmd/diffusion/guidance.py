"""Guidance, batched: away from no condition, and away from a wrong one.

Classifier-free (Ho and Salimans, arXiv 2207.12598): v = v_uncond + g (v_cond - v_uncond). Contrastive (ours): the same
with a mismatched condition in place of none, added as s (v_cond - v_mismatched), pushes away from the wrong timing.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from cmmd.models.blocks import Modality
from cmmd.models.coupled_unet import Condition, CoupledUNet, Prediction


def guided_target(
    unet: CoupledUNet,
    noisy: Float[Tensor, "b c ..."],
    *,
    modality: Modality,
    t: float,
    condition: Condition,
    guidance: float | int,
    mismatched: Condition | None = None,
    contrast: float | int = 0,
) -> Float[Tensor, "b c ..."]:
    """The target's U-Net alone on encoded conditions. Guidance 1 and contrast 0 are the conditional model; either one
    costs a pass more. Raises ValueError for a contrast without a mismatched condition."""
    if contrast and mismatched is None:
        raise ValueError(f"contrast is {contrast}, expected a mismatched condition with it")
    conditions, hears = [condition], [True]
    if guidance != 1:
        conditions, hears = [*conditions, condition], [*hears, False]
    if contrast and mismatched is not None:
        conditions, hears = [*conditions, mismatched], [*hears, True]
    passes = len(conditions)
    predictions = unet.predict(
        noisy.repeat(passes, *(1,) * (noisy.ndim - 1)),
        modality=modality,
        t=noisy.new_full((passes * len(noisy),), t),
        condition=Condition.cat(conditions),
        hears=torch.tensor(hears, device=noisy.device).repeat_interleave(len(noisy)),
    ).chunk(passes)
    conditional = guided = predictions[0]
    if guidance != 1:
        guided = predictions[1] + guidance * (conditional - predictions[1])
    if contrast:
        guided = guided + contrast * (conditional - predictions[-1])
    return guided


def guided_pair(
    unet: CoupledUNet,
    video: Float[Tensor, "b c f h w"],
    audio: Float[Tensor, "b ca m n"],
    *,
    t_video: float,
    t_audio: float,
    guidance: float | int,
) -> Prediction:
    """Both U-Nets; without guidance they hear each other, and guidance pushes away from two that hear nothing."""
    times_video, times_audio = video.new_full((len(video),), t_video), audio.new_full((len(audio),), t_audio)
    if guidance == 1:
        return unet(video, audio, t_video=times_video, t_audio=times_audio)
    hears = _first_half_hears(video)
    both = unet(
        torch.cat([video, video]),
        torch.cat([audio, audio]),
        t_video=torch.cat([times_video, times_video]),
        t_audio=torch.cat([times_audio, times_audio]),
        video_hears=hears,
        audio_hears=hears,
    )
    return Prediction(*(_extrapolate(part, guidance) for part in both))


def _first_half_hears(noisy: Tensor) -> Tensor:
    return torch.arange(2 * len(noisy), device=noisy.device) < len(noisy)


def _extrapolate(both: Tensor, guidance: float | int) -> Tensor:
    conditional, unconditional = both.chunk(2)
    return unconditional + guidance * (conditional - unconditional)
