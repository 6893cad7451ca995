"""Predictions under a condition: encoded once, or run with the target where it hears or is noised (ours)."""

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
"""Seed of the condition's noise; far from the seeds of targets, whose noise must be different."""


def heard(unet: CoupledUNet, latents: Float[Tensor, "b c ..."], *, modality: Modality, once: bool = True) -> Heard:
    """Returns the condition of clean latents: their encoded messages, or, with `once` False, the latents themselves.

    A network with `clean_hears` or `shared_time` always gets the latents: the messages of the former depend on the
    target, and the latter hears the condition at the target's time.
    """
    if not once or unet.clean_hears or unet.network.shared_time:
        return latents
    return unet.encode_condition(latents, modality=modality)


def items(condition: Heard) -> int:
    """Number of items of a condition."""
    return condition.batch_size if isinstance(condition, Condition) else len(condition)


def select(condition: Heard, chosen: Sequence[int] | Tensor) -> Heard:
    """Selects items, in the order given. An item may be selected more than once."""
    return condition.select(chosen) if isinstance(condition, Condition) else condition[torch.as_tensor(chosen)]


def repeat(condition: Heard, times: int) -> Heard:
    """Repeats each item `times` times in a row."""
    if times == 1:
        return condition
    return condition.repeat(times) if isinstance(condition, Condition) else condition.repeat_interleave(times, dim=0)


def join(conditions: Sequence[Heard]) -> Heard:
    """Concatenates several batches, which must all be encoded or all be latents."""
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

    With `shared_time` the condition is noised to the target's time. The noise is the same for all items and times, so
    that conditions can be compared.
    """
    if isinstance(condition, Condition):
        return unet.predict(noisy, modality=modality, t=t, condition=condition, hears=hears)
    condition_time = torch.zeros_like(t)
    if unet.network.shared_time:
        noise = torch.randn(condition.shape[1:], generator=torch.Generator().manual_seed(CONDITION_SEED))
        condition, condition_time = diffuse(condition, noise.to(condition).expand_as(condition), t), t
    if modality == "audio":
        return unet(condition, noisy, t_video=condition_time, t_audio=t, video_hears=hears, audio_hears=hears).audio
    return unet(noisy, condition, t_video=t, t_audio=condition_time, video_hears=hears, audio_hears=hears).video
