"""A target under a condition: encoded once, or with both U-Nets where the condition hears too or is noised (ours)."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from cmmd.diffusion.process import diffuse
from cmmd.models.blocks import Modality
from cmmd.models.coupled_unet import CoupledUNet
from cmmd.models.exchange import Condition

Heard = Condition | Tensor
"""An encoded condition, or the clean latents themselves."""
CONDITION_SEED = 2**31
"""Far from the seeds of targets, whose noise must be another."""


def heard(unet: CoupledUNet, latents: Float[Tensor, "b c ..."], *, modality: Modality, once: bool = True) -> Heard:
    """What a target is to hear of clean latents: their messages, or, not `once`, the latents.

    The messages of a model with `clean_hears` depend on the target, and one with `shared_time` hears the condition at
    the target's time: there it is always the latents.
    """
    if not once or unet.clean_hears or unet.network.shared_time:
        return latents
    return unet.encode_condition(latents, modality=modality)


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
    """The network's prediction for a target of `modality` under a clean condition.

    With `shared_time` the condition goes in at the target's time, with one noise for all items and times, so that
    conditions can be compared.
    """
    if isinstance(condition, Condition):
        return unet.predict(noisy, modality=modality, t=t, condition=condition, hears=hears)
    beside = torch.zeros_like(t)
    if unet.network.shared_time:
        noise = torch.randn(condition.shape[1:], generator=torch.Generator().manual_seed(CONDITION_SEED))
        condition, beside = diffuse(condition, noise.to(condition).expand_as(condition), t), t
    if modality == "audio":
        return unet(condition, noisy, t_video=beside, t_audio=t, video_hears=hears, audio_hears=hears).audio
    return unet(noisy, condition, t_video=t, t_audio=beside, video_hears=hears, audio_hears=hears).video
