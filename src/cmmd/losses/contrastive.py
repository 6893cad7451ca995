"""The joint contrastive loss: a target's error under its own condition against errors under others (paper; ours: form).

With the denoising error d(x, c) as the critic, InfoNCE is a lower bound on the mutual information of the two
modalities; the linear form is that of CDCD (ICLR 2023), kept bounded by a margin.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from cmmd.diffusion.mismatch import MISMATCHES, Mismatch
from cmmd.diffusion.process import PredictionType, diffuse, prediction_target
from cmmd.losses.denoising import denoising_errors
from cmmd.models.blocks import Modality
from cmmd.models.coupled_unet import Condition, CoupledUNet

Form = Literal["infonce", "linear"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ContrastiveConfig:
    """weight: eta; 0 is nCMMD, which is this same training without the term.

    mismatches: one negative an item of each. fraction: share of the conditional items that it is applied to.
    temperature: of InfoNCE, in the units of the denoising error. margin: the linear form asks for no larger gap.
    begin, ramp: the step at which the weight starts to rise, and how many steps it takes. Raises ValueError.
    """

    weight: float = 0.0
    form: Form = "infonce"
    mismatches: tuple[Mismatch, ...] = ("other_clip", "time_shift")
    fraction: float = 0.5
    temperature: float = 0.05
    margin: float = 0.1
    begin: int = 0
    ramp: int = 0

    def __post_init__(self) -> None:
        if not 0.0 <= self.fraction <= 1.0:
            raise ValueError(f"fraction is {self.fraction}, expected a share between 0 and 1")
        for name in ("weight", "begin", "ramp"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected 0 or more")
        for name in ("temperature", "margin"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected more than 0")
        if not self.mismatches or len(set(self.mismatches)) != len(self.mismatches):
            raise ValueError(f"mismatches are {self.mismatches}, expected some of {', '.join(MISMATCHES)}, each once")

    def weight_at(self, step: int) -> float:
        """The weight at a step of training: 0 until `begin`, then a straight line over `ramp` steps."""
        if step < self.begin:
            return 0.0
        return self.weight * min(1.0, (step - self.begin + 1) / (self.ramp + 1))


def errors_under(
    unet: CoupledUNet,
    clean: Float[Tensor, "b c ..."],
    noise: Float[Tensor, "b c ..."],
    t: Float[Tensor, "b f"],
    conditions: list[Condition],
    *,
    modality: Modality,
    mask: Float[Tensor, "b f"],
    prediction_type: PredictionType = "v_prediction",
) -> Float[Tensor, "b k"]:
    """d(x, c) of every item under each of k conditions, at the same times and noise; one pass of the target's U-Net."""
    k = len(conditions)
    target = prediction_target(clean, noise, t, prediction_type=prediction_type)
    predicted = unet.predict(
        diffuse(clean, noise, t).repeat(k, *(1,) * (clean.ndim - 1)),
        modality=modality,
        t=t.repeat(k, 1),
        condition=Condition.cat(conditions),
    )
    return torch.stack([denoising_errors(part, target, mask=mask) for part in predicted.chunk(k)], dim=1)


def contrastive_losses(
    matched: Float[Tensor, " b"], mismatched: Float[Tensor, "b k"], config: ContrastiveConfig
) -> Float[Tensor, " b"]:
    """The term of every item from its errors under the matched and k mismatched conditions; the weight is not applied.

    InfoNCE lies between 0 and, for a model that does not listen, log(k + 1); the linear form between -margin and above.
    """
    if config.form == "linear":
        return (matched[:, None] - mismatched).clamp_min(-config.margin).mean(1)
    logits = -torch.cat([matched[:, None], mismatched], dim=1) / config.temperature
    return -logits.log_softmax(dim=1)[:, 0]
