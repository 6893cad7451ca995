"""The settings of the training loop; docs/training.md explains each with its unit and default (ours)."""

import math
from dataclasses import dataclass
from typing import Literal

import torch

from cmmd.training.trackers import TrackerName

LARGEST = {"batch_size": 2**20, "seed": 2**63 - 1} | dict.fromkeys(
    ("steps", "warmup", "save_every", "log_every", "evaluate_every", "patience"), 10**9
)
"""Beyond these a setting is a slip of the pen."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LoopConfig:
    """steps: optimiser steps. batch_size: items of the global batch, over all ranks.

    micro_batches: number of equal slices of the global batch; each rank processes its slices in turn and accumulates
    gradients. fsdp: shard weights, EMA and optimiser over the ranks (FSDP2) instead of replicating them (DDP).
    precision: bf16 is autocast. compile: run the stages of the U-Nets through torch.compile. tf32: allow TF32 matrix
    products on a GPU.

    learning_rate: the peak. warmup: steps of linear rise to it. schedule: a cosine down to a hundredth at `steps`, or
    constant. weight_decay: of AdamW, not on biases and norms. clip_norm: largest norm of the gradient. ema_decay: of
    the moving average of the weights.

    log_every, save_every, evaluate_every: steps. patience: evaluations in a row without a lower held-out loss after
    which training stops; 0 never stops. trackers: where the log's figures go as well. seed: of everything random.

    Raises ValueError for values out of range.
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
        """Linear warm-up, then the schedule."""
        if step < self.warmup:
            return self.learning_rate * (step + 1) / self.warmup
        if self.schedule == "constant":
            return self.learning_rate
        progress = (step - self.warmup) / max(self.steps - self.warmup, 1)
        return self.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress)))

    def allow_tf32(self) -> None:
        """Set the process's precision of fp32 products on a GPU."""
        torch.set_float32_matmul_precision("high" if self.tf32 else "highest")
        torch.backends.cudnn.allow_tf32 = self.tf32
