"""The settings of the training loop; docs/training.md explains each with its unit and default (ours)."""

import math
from dataclasses import dataclass
from typing import Literal

import torch

from cmmd.training.trackers import TrackerName

LARGEST = {"batch_size": 2**20, "seed": 2**63 - 1} | dict.fromkeys(
    ("steps", "warmup", "save_every", "log_every", "evaluate_every", "patience"), 10**9
)
"""Largest accepted values: a larger value is taken to be a typing error."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LoopConfig:
    """Settings of the training loop.

    steps: total optimiser steps. batch_size: items of the global batch, over all ranks.

    micro_batches: number of equal slices of the global batch; each rank processes its slices in turn and accumulates
    gradients. fsdp: shard weights, EMA and optimiser over the ranks (FSDP2) instead of replicating them (DDP).
    precision: `fp32`, or `bf16` for autocast to bfloat16. compile: compile the stages of the U-Nets with torch.compile.
    tf32: allow TF32 matrix products on a GPU.

    learning_rate: peak learning rate. warmup: steps of linear warm-up. schedule: `cosine` decays to a hundredth of the
    peak at `steps`; `constant` does not decay. weight_decay: weight decay of AdamW, not applied to biases and norms.
    clip_norm: maximum norm of the gradient. ema_decay: largest decay of the EMA of the weights (see `EMA.decay_at`).

    log_every, save_every, evaluate_every: intervals in steps. patience: training stops after this number of consecutive
    evaluations without a lower held-out loss; 0 never stops. trackers: services that receive the figures of the log
    too. seed: seed of all random numbers.

    Raises ValueError for values out of range, a tracker that is named twice and a batch_size that is not a multiple of
    micro_batches.
    """

    steps: int
    batch_size: int
    micro_batches: int = 1
    fsdp: bool = False
    precision: Literal["fp32", "bf16"] = "fp32"
    compile: bool = False
    tf32: bool = True
    learning_rate: float = 1e-3
    schedule: Literal["cosine", "constant"] = "cosine"
    weight_decay: float = 0.0
    warmup: int = 100
    clip_norm: float = 1.0
    ema_decay: float = 0.998
    save_every: int = 500
    log_every: int = 20
    evaluate_every: int = 250
    patience: int = 0
    trackers: tuple[TrackerName, ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        positive = ("steps", "batch_size", "micro_batches", "learning_rate", "clip_norm")
        for name in (*positive, "save_every", "log_every", "evaluate_every"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} is {getattr(self, name)}, expected a finite number above 0")
        for name in ("patience", "warmup", "weight_decay", "seed"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} is {getattr(self, name)}, expected a finite number of at least 0")
        for name, most in LARGEST.items():
            if getattr(self, name) > most:
                raise ValueError(f"{name} is {getattr(self, name)}, expected at most {most}")
        if len(set(self.trackers)) < len(self.trackers):
            raise ValueError(f"trackers are {list(self.trackers)}, expected each once")
        if not 0 <= self.ema_decay < 1:
            raise ValueError(f"ema_decay is {self.ema_decay}, expected 0 <= ema_decay < 1")
        if self.batch_size % self.micro_batches:
            raise ValueError(f"batch_size {self.batch_size} is not a multiple of micro_batches {self.micro_batches}")

    def learning_rate_at(self, step: int) -> float:
        """The learning rate of step `step`, counted from 0: linear warm-up, then the schedule."""
        if step < self.warmup:
            return self.learning_rate * (step + 1) / self.warmup
        if self.schedule == "constant":
            return self.learning_rate
        progress = (step - self.warmup) / max(self.steps - self.warmup, 1)
        return self.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress)))

    def allow_tf32(self) -> None:
        """Allow or forbid TF32 for fp32 products on a GPU, for the whole process, as `tf32` says."""
        torch.set_float32_matmul_precision("high" if self.tf32 else "highest")
        torch.backends.cudnn.allow_tf32 = self.tf32
