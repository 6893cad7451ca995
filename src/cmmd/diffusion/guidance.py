"""Classifier-free guidance, batched: v = v_uncond + g (v_cond - v_uncond) (Ho and Salimans, arXiv 2207.12598)."""

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
) -> Float[Tensor, "b c ..."]:
    """The target's U-Net alone on an encoded condition. Guidance 1 is the conditional model, at half the cost."""
    times = noisy.new_full((len(noisy),), t)
    if guidance == 1:
        return unet.predict(noisy, modality=modality, t=times, condition=condition)
    both = unet.predict(
        torch.cat([noisy, noisy]),
        modality=modality,
        t=torch.cat([times, times]),
        condition=Condition.cat([condition, condition]),
        hears=_first_half_hears(noisy),
    )
    return _extrapolate(both, guidance)


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
