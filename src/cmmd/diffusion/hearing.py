"""A target under a clean condition: encoded once, or with both U-Nets where the condition hears too (ours)."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from cmmd.models.blocks import Modality
from cmmd.models.coupled_unet import CoupledUNet
from cmmd.models.exchange import Condition

Heard = Condition | Tensor
"""An encoded condition, or the clean latents themselves."""


def heard(unet: CoupledUNet, latents: Float[Tensor, "b c ..."], *, modality: Modality, once: bool = True) -> Heard:
    """What a target is to hear of clean latents: their messages, or, not `once`, the latents.

    The messages of a model with `clean_hears` depend on the target: there it is always the latents.
    """
    return unet.encode_condition(latents, modality=modality) if once and not unet.clean_hears else latents


def items(condition: Heard) -> int:
    """Batch size."""
    return condition.batch_size if isinstance(condition, Condition) else len(condition)


def select(condition: Heard, chosen: Sequence[int] | Tensor) -> Heard:
    """Some items, in the order given; an item may be chosen more than once."""
    return condition.select(chosen) if isinstance(condition, Condition) else condition[torch.as_tensor(chosen)]


def repeat(condition: Heard, times: int) -> Heard:
    """Each item `times` times in a row."""
    if times == 1:
        return condition
    return condition.repeat(times) if isinstance(condition, Condition) else condition.repeat_interleave(times, dim=0)


def join(conditions: Sequence[Heard]) -> Heard:
    """Several batches as one. They are all encoded, or none is."""
    encoded = [condition for condition in conditions if isinstance(condition, Condition)]
    if encoded:
        assert len(encoded) == len(conditions), "encoded conditions and latents in one batch"
        return Condition.cat(encoded)
    return torch.cat([condition for condition in conditions if isinstance(condition, Tensor)])


def predict_target(
    unet: CoupledUNet,
    noisy: Float[Tensor, "b c ..."],
    *,
    modality: Modality,
    t: Float[Tensor, "b f"],
    condition: Heard,
    hears: Bool[Tensor, " b"] | None = None,
) -> Float[Tensor, "b c ..."]:
    """The network's prediction for a target of `modality` under a clean condition."""
    if isinstance(condition, Condition):
        return unet.predict(noisy, modality=modality, t=t, condition=condition, hears=hears)
    clean = torch.zeros_like(t)
    if modality == "audio":
        return unet(condition, noisy, t_video=clean, t_audio=t, video_hears=hears, audio_hears=hears).audio
    return unet(noisy, condition, t_video=t, t_audio=clean, video_hears=hears, audio_hears=hears).video
