"""The joint contrastive loss: a generated target must match its condition and no other one (paper; ours: form).

There are two kinds of negatives, with one InfoNCE form (decision 07). For negatives among the conditions, the critic is
the denoising error of the target under its matched condition and under others. For negatives among the targets, as in
CDCD (ICLR 2023), the critic is the distance from the clean signal that the prediction implies to the true clean signal
and to others; this takes no further pass of the network.
"""

import math
from dataclasses import dataclass, field
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from cmmd.diffusion.mismatch import MISMATCHES, Mismatch
from cmmd.files.inline_groups import inline

Form = Literal["infonce", "linear", "pull"]
NegativesOf = Literal["conditions", "targets", "both"]


WEIGHT = 0.3
"""Weight in the recipes. A lower weight gives poorer timing, a higher one overdrives samples (docs/results.md)."""
MOST_NEGATIVES = 4096
LARGEST = 10**9
"""Larger settings than these are rejected as typos."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TargetNegatives:
    """The negatives among the targets.

    count: negatives of each kind. joint: whether targets of joint items are contrasted. least_noise, most_noise: range
    of times t in which targets are contrasted. Raises ValueError for values out of range.
    """

    count: int = 8
    joint: bool = False
    least_noise: float = 0.0
    most_noise: float = 1.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.least_noise < self.most_noise <= 1.0:
            raise ValueError(
                f"least_noise is {self.least_noise}, most_noise {self.most_noise}, expected times that rise from 0 to 1"
            )
        if not 1 <= self.count <= MOST_NEGATIVES:
            raise ValueError(f"count is {self.count}, expected a whole number from 1 to {MOST_NEGATIVES}")


@dataclass(frozen=True, kw_only=True, slots=True)
class WeightSchedule:
    """When the contrastive term counts.

    begin: step at which its weight starts to rise. ramp: number of steps of the rise. end: step from which the weight
    is 0 again (0: never). fall: number of steps of the fall before `end`. Raises ValueError for values out of range.
    """

    begin: int = 0
    ramp: int = 0
    end: int = 0
    fall: int = 0

    def __post_init__(self) -> None:
        for name in ("begin", "ramp", "end", "fall"):
            if not 0 <= getattr(self, name) <= LARGEST:
                raise ValueError(f"{name} is {getattr(self, name)}, expected a number from 0 to {LARGEST}")
        if self.fall and not self.end:
            raise ValueError(f"fall is {self.fall}, expected an end to fall to")

    def share_at(self, step: int) -> float:
        """Returns the share of the weight at a training step: it rises linearly from `begin` and falls linearly to
        `end`; 0 outside."""
        up = (step - self.begin + 1) / (self.ramp + 1)
        down = (self.end - step) / (self.fall + 1) if self.end else 1.0
        return max(0.0, min(1.0, up, down))


@inline("targets", "schedule")
@dataclass(frozen=True, kw_only=True, slots=True)
class ContrastiveConfig:
    """weight: eta; 0 gives nCMMD, the same training without the term.

    negatives: mismatched `conditions` (each costs one more pass of the target's U-Net), `targets` (no further pass), or
    `both`, the sum of the two terms. form: `infonce`; `linear`; or `pull`, the control, which attracts a prediction to
    its true target as strongly as InfoNCE does but has no repulsion. mismatches: kinds of negatives. fraction: share of
    the conditional items that hear which get mismatched conditions, one of each kind. temperature: InfoNCE temperature,
    relative to the mean distance to the negatives. margin: largest gap that the linear form rewards. The other fields
    are inline groups. Raises ValueError for values out of range.
    """

    weight: float = 0.0
    negatives: NegativesOf = "targets"
    form: Form = "infonce"
    mismatches: tuple[Mismatch, ...] = ("time_shift",)
    fraction: float = 0.5
    targets: TargetNegatives = field(default_factory=TargetNegatives)
    temperature: float = 0.2
    margin: float = 0.1
    schedule: WeightSchedule = field(default_factory=WeightSchedule)

    def __post_init__(self) -> None:
        if not 0.0 <= self.fraction <= 1.0:
            raise ValueError(f"fraction is {self.fraction}, expected a share between 0 and 1")
        if not 0 <= self.weight <= LARGEST:
            raise ValueError(f"weight is {self.weight}, expected a number from 0 to {LARGEST}")
        for name in ("temperature", "margin"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} is {getattr(self, name)}, expected a finite number above 0")
        unknown = [kind for kind in self.mismatches if kind not in MISMATCHES]
        if unknown or not self.mismatches or len(set(self.mismatches)) != len(self.mismatches):
            raise ValueError(f"mismatches are {self.mismatches}, expected some of {', '.join(MISMATCHES)}, each once")

    @property
    def of_conditions(self) -> bool:
        """Whether there are negatives among the conditions."""
        return self.negatives != "targets"

    @property
    def of_targets(self) -> bool:
        """Whether there are negatives among the targets."""
        return self.negatives != "conditions"

    def weight_at(self, step: int) -> float:
        """Returns the weight at a training step."""
        return self.weight * self.schedule.share_at(step)


def contrastive_losses(
    matched: Float[Tensor, " b"],
    mismatched: Float[Tensor, "k b"],
    config: ContrastiveConfig,
    *,
    valid: Bool[Tensor, "k b"],
) -> Float[Tensor, " b"]:
    """Returns the loss of every item from its distances to the matched and to k mismatched candidates, unweighted.

    Distances are divided by their mean over the mismatched candidates, without its gradient, so that one temperature
    suits all noise levels. `valid` is False where an item lacks a candidate. An item without any valid candidate has
    loss 0. InfoNCE is at least 0, and log(k + 1) where all distances are equal; the linear form is at least -margin.
    """
    matched, mismatched = _relative_to_mean(matched, mismatched, valid)
    if config.form == "linear":
        gaps = (matched - mismatched).clamp_min(-config.margin).where(valid, 0.0)
        return gaps.sum(0) / valid.sum(0).clamp(min=1)
    negatives = (-mismatched / config.temperature).where(valid, -torch.inf)
    logits = torch.cat([-matched[None] / config.temperature, negatives])
    log_own = logits.log_softmax(dim=0)[0]
    if config.form == "pull":
        return (1 - log_own.exp()).detach() * matched / config.temperature
    return -log_own


def _relative_to_mean(
    matched: Float[Tensor, " b"], mismatched: Float[Tensor, "k b"], valid: Bool[Tensor, "k b"]
) -> tuple[Float[Tensor, " b"], Float[Tensor, "k b"]]:
    with torch.no_grad():
        mean = mismatched.where(valid, 0.0).sum(0) / valid.sum(0).clamp(min=1)
        # The distances of an item without generated frames are all 0.
        scale = mean.clamp(min=torch.finfo(mean.dtype).eps)
    return matched / scale, mismatched / scale
