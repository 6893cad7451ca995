"""The training loop, a generator over a small state (as in smalldiffusion); it trains every model (ours: decision 05).

1. draw everything random from (seed, step)   2. losses   3. gradient, clipped   4. step, moving average   5. report
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cmmd.training.state import TrainingState


@dataclass(frozen=True, kw_only=True, slots=True)
class LoopConfig:
    """steps: optimiser steps. learning_rate: the peak, after `warmup` steps, followed by a cosine down to a hundredth.
    clip_norm: largest norm of the gradient. average_decay: of the moving average. save_every, log_every: steps."""

    steps: int
    batch_size: int
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    warmup: int = 100
    clip_norm: float = 1.0
    average_decay: float = 0.998
    save_every: int = 500
    log_every: int = 20
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "learning_rate", "clip_norm", "save_every", "log_every"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected more than 0")
        if not 0 <= self.average_decay < 1:
            raise ValueError(f"average_decay is {self.average_decay}, expected 0 <= average_decay < 1")


Losses = Callable[[nn.Module, int, torch.Generator], Mapping[str, Tensor]]
"""(model, step, generator) -> named terms; the one called `loss` is minimised. The step picks the batch."""


@dataclass(frozen=True, slots=True)
class StepReport:
    """losses: every named term. seconds: of this step."""

    step: int
    losses: dict[str, float]
    gradient_norm: float
    seconds: float


def fresh_state(model: nn.Module, config: LoopConfig) -> TrainingState:
    """The state before the first step."""
    return TrainingState.fresh(
        model, learning_rate=config.learning_rate, weight_decay=config.weight_decay, average_decay=config.average_decay
    )


def train(state: TrainingState, losses: Losses, config: LoopConfig) -> Iterator[StepReport]:
    """Train from `state.step` to `config.steps`, changing the state in place; yields after every step.

    Raises FloatingPointError, naming the step, when a loss is not finite; the state is then that of the step before.
    """
    state.model.train()
    while state.step < config.steps:
        started = time.perf_counter()
        for group in state.optimizer.param_groups:
            group["lr"] = learning_rate_at(state.step, config)
        terms = losses(state.model, state.step, step_generator(config.seed, state.step))
        if not torch.isfinite(terms["loss"]):
            raise FloatingPointError(f"step {state.step}: loss is {terms['loss'].item()}, expected a finite number")
        state.optimizer.zero_grad(set_to_none=True)
        terms["loss"].backward()
        norm = nn.utils.clip_grad_norm_(state.model.parameters(), config.clip_norm)
        state.optimizer.step()
        state.average.update_parameters(state.model)
        state.step += 1
        values = {name: term.item() for name, term in terms.items()}
        yield StepReport(state.step, values, float(norm), time.perf_counter() - started)


def step_generator(seed: int, step: int) -> torch.Generator:
    """All randomness of a step comes from its number: a resumed run draws what a whole one would (after EDM2)."""
    return torch.Generator().manual_seed((seed * 0x9E3779B1 + step * 0x85EBCA77 + 1) % 2**63)


def learning_rate_at(step: int, config: LoopConfig) -> float:
    """Linear warm-up, then a cosine to a hundredth of the peak."""
    if step < config.warmup:
        return config.learning_rate * (step + 1) / config.warmup
    part = (step - config.warmup) / max(config.steps - config.warmup, 1)
    cosine = 0.5 * (1 + torch.cos(torch.tensor(torch.pi * part)).item())
    return config.learning_rate * (0.01 + 0.99 * cosine)
