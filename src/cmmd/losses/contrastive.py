"""The joint contrastive loss: a target's error under its own condition against errors under others (paper; ours: form).

With the denoising error d(x, c) as the critic, InfoNCE is a lower bound on the mutual information of the two
modalities; the linear form is that of CDCD (ICLR 2023), kept bounded by a margin.
"""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from cmmd.diffusion.mismatch import MISMATCHES, Mismatch

Form = Literal["infonce", "linear"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ContrastiveConfig:
    """weight: eta; 0 is nCMMD, which is this same training without the term.

    form: `infonce` or `linear`. mismatches: one mismatched condition an item of each kind. fraction: share of the
    conditional items that hear to which the term is applied. temperature: of InfoNCE, in the units of the denoising
    error. margin: the linear form asks for no larger gap. begin: the step at which the weight starts to rise.
    ramp: steps that it takes to rise. Raises ValueError for values out of range.
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
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} is {getattr(self, name)}, expected a finite number of at least 0")
        for name in ("temperature", "margin"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} is {getattr(self, name)}, expected a finite number above 0")
        unknown = [kind for kind in self.mismatches if kind not in MISMATCHES]
        if unknown or not self.mismatches or len(set(self.mismatches)) != len(self.mismatches):
            raise ValueError(f"mismatches are {self.mismatches}, expected some of {', '.join(MISMATCHES)}, each once")

    def weight_at(self, step: int) -> float:
        """The weight at a step of training: 0 until `begin`, then a straight line over `ramp` steps."""
        if step < self.begin:
            return 0.0
        return self.weight * min(1.0, (step - self.begin + 1) / (self.ramp + 1))


def contrastive_losses(
    matched: Float[Tensor, " b"],
    mismatched: Float[Tensor, "k b"],
    config: ContrastiveConfig,
    *,
    valid: Bool[Tensor, "k b"],
) -> Float[Tensor, " b"]:
    """The term of every item from its errors under the matched and k mismatched conditions; the weight is not applied.

    `valid` is False where an item has no mismatched condition of a kind; 0 for an item that has none at all. InfoNCE
    lies between 0 and, for a model that does not listen, log(k + 1); the linear form between -margin and above.
    """
    if config.form == "linear":
        gaps = (matched - mismatched).clamp_min(-config.margin).where(valid, 0.0)
        return gaps.sum(0) / valid.sum(0).clamp(min=1)
    negatives = (-mismatched / config.temperature).where(valid, -torch.inf)
    logits = torch.cat([-matched[None] / config.temperature, negatives])
    return -logits.log_softmax(dim=0)[0]
