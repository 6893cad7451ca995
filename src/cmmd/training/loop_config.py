"""The settings of the training loop; docs/training.md explains each with its unit and default (ours)."""

import math
from dataclasses import dataclass, field
from typing import Literal

import torch

from cmmd.files.inline_groups import inline
from cmmd.training.trackers import TrackerName

LARGEST = {"batch_size": 2**20, "seed": 2**63 - 1} | dict.fromkeys(
    ("steps", "warmup", "save_every", "log_every", "evaluate_every", "patience"), 10**9
)
"""Largest accepted values: a larger value is taken to be a typing error."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ExecutionConfig:
    """How the steps are computed.

    micro_batches: number of equal slices of the global batch; each rank processes its slices in turn and accumulates
    gradients. fsdp: shard weights, EMA and optimiser over the ranks (FSDP2) instead of replicating them (DDP).
    precision: `fp32`, or `bf16` for autocast to bfloat16. compile: compile the stages of the U-Nets with torch.compile.
    tf32: allow TF32 matrix products on a GPU. Raises ValueError for values out of range.
    """

    micro_batches: int = 1
    fsdp: bool = False
    precision: Literal["fp32", "bf16"] = "fp32"
    compile: bool = False
    tf32: bool = True

    def __post_init__(self) -> None:
        _require(self, above_zero=("micro_batches",))


@dataclass(frozen=True, kw_only=True, slots=True)
class OptimizerConfig:
    """How the weights are changed.

    learning_rate: peak learning rate. schedule: `cosine` decays to a hundredth of the peak at `steps`; `constant` does
    not decay. weight_decay: weight decay of AdamW, not applied to biases and norms. warmup: steps of linear warm-up.
    clip_norm: maximum norm of the gradient. Raises ValueError for values out of range.
    """

    learning_rate: float = 1e-3
    schedule: Literal["cosine", "constant"] = "cosine"
    weight_decay: float = 0.0
    warmup: int = 100
    clip_norm: float = 1.0

    def __post_init__(self) -> None:
        _require(self, above_zero=("learning_rate", "clip_norm"), at_least_zero=("warmup", "weight_decay"))


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportsConfig:
    """When the run is saved, logged and evaluated.

    save_every, log_every, evaluate_every: intervals in steps. patience: training stops after this number of consecutive
    evaluations without a lower held-out loss; 0 never stops. trackers: services that receive the figures of the log
    too. Raises ValueError for values out of range and a tracker that is named twice.
    """

    save_every: int = 500
    log_every: int = 20
    evaluate_every: int = 250
    patience: int = 0
    trackers: tuple[TrackerName, ...] = ()

    def __post_init__(self) -> None:
        _require(self, above_zero=("save_every", "log_every", "evaluate_every"), at_least_zero=("patience",))
        if len(set(self.trackers)) < len(self.trackers):
            raise ValueError(f"trackers are {list(self.trackers)}, expected each once")


@inline("execution", "optimizer", "reports")
@dataclass(frozen=True, kw_only=True, slots=True)
class LoopConfig:
    """Settings of the training loop.

    steps: total optimiser steps. batch_size: items of the global batch, over all ranks. ema_decay: largest decay of the
    EMA of the weights (see `EMA.decay_at`). seed: seed of all random numbers. The other fields are inline groups.

    Raises ValueError for values out of range and a batch_size that is not a multiple of micro_batches.
    """

    steps: int
    batch_size: int
    execution: ExecutionConfig = field(default_factory=ExecutionConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    ema_decay: float = 0.998
    reports: ReportsConfig = field(default_factory=ReportsConfig)
    seed: int = 0

    def __post_init__(self) -> None:
        _require(self, above_zero=("steps", "batch_size"), at_least_zero=("seed",))
        if not 0 <= self.ema_decay < 1:
            raise ValueError(f"ema_decay is {self.ema_decay}, expected 0 <= ema_decay < 1")
        micro_batches = self.execution.micro_batches
        if self.batch_size % micro_batches:
            raise ValueError(f"batch_size {self.batch_size} is not a multiple of micro_batches {micro_batches}")

    def learning_rate_at(self, step: int) -> float:
        """The learning rate of step `step`, counted from 0: linear warm-up, then the schedule."""
        peak, warmup = self.optimizer.learning_rate, self.optimizer.warmup
        if step < warmup:
            return peak * (step + 1) / warmup
        if self.optimizer.schedule == "constant":
            return peak
        progress = (step - warmup) / max(self.steps - warmup, 1)
        return peak * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress)))

    def allow_tf32(self) -> None:
        """Allow or forbid TF32 for fp32 products on a GPU, for the whole process, as the setting `tf32` says."""
        torch.set_float32_matmul_precision("high" if self.execution.tf32 else "highest")
        torch.backends.cudnn.allow_tf32 = self.execution.tf32


def _require(config: object, *, above_zero: tuple[str, ...] = (), at_least_zero: tuple[str, ...] = ()) -> None:
    """Raises ValueError for a value that is out of range, infinite or larger than LARGEST."""
    for name in above_zero:
        if not 0 < getattr(config, name) < math.inf:
            raise ValueError(f"{name} is {getattr(config, name)}, expected a finite number above 0")
    for name in at_least_zero:
        if not 0 <= getattr(config, name) < math.inf:
            raise ValueError(f"{name} is {getattr(config, name)}, expected a finite number of at least 0")
    for name in (*above_zero, *at_least_zero):
        if getattr(config, name) > LARGEST.get(name, math.inf):
            raise ValueError(f"{name} is {getattr(config, name)}, expected at most {LARGEST[name]}")
