"""The training loop, a generator over a small state (as in smalldiffusion); it trains every model (ours: decision 05).

1. draw everything random from (seed, step, part)   2. losses   3. gradient, clipped   4. step, average   5. report
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Literal

import torch
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from cmmd.errors import InputError
from cmmd.training.sharding import whole
from cmmd.training.state import TrainingState
from cmmd.training.team import Team
from cmmd.training.trackers import TrackerName


@dataclass(frozen=True, kw_only=True, slots=True)
class LoopConfig:
    """steps: optimiser steps. learning_rate: the peak, after `warmup` steps; from there the schedule is a cosine down
    to a hundredth, or constant: then a step's weights do not depend on how many are to come. clip_norm: largest norm of
    the gradient. average_decay: of the moving average. save_every, log_every: steps. evaluate_every: steps between two
    looks at what is held out, if anything is; patience: how many of them in a row may be no better before training
    stops, 0 being any number. trackers: where the log's figures go as well.

    batch_size: of all processes together. parts: equal parts of a batch, which the processes share and each works off
    one after the other: the result depends on them, and not on how many processes there are. share_weights: processes
    share the weights (FSDP2) instead of each holding all of them (DDP). precision: bf16 is autocast, on CUDA only.
    compile: run the blocks through torch.compile. Raises ValueError for values out of range.
    """

    steps: int
    batch_size: int
    parts: int = 1
    share_weights: bool = False
    precision: Literal["fp32", "bf16"] = "fp32"
    compile: bool = False
    learning_rate: float = 1e-3
    schedule: Literal["cosine", "constant"] = "cosine"
    weight_decay: float = 0.0
    warmup: int = 100
    clip_norm: float = 1.0
    average_decay: float = 0.998
    save_every: int = 500
    log_every: int = 20
    evaluate_every: int = 250
    patience: int = 0
    trackers: tuple[TrackerName, ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        above = ("steps", "batch_size", "parts", "learning_rate", "clip_norm", "save_every", "log_every")
        for name in (*above, "evaluate_every"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected more than 0")
        if self.patience < 0:
            raise ValueError(f"patience is {self.patience}, expected 0 or more")
        if not 0 <= self.average_decay < 1:
            raise ValueError(f"average_decay is {self.average_decay}, expected 0 <= average_decay < 1")
        if self.batch_size % self.parts:
            raise ValueError(f"batch_size {self.batch_size} is not a multiple of its {self.parts} parts")


@dataclass(frozen=True, slots=True)
class Part:
    """One of `count` equal parts of the batch of a step."""

    step: int
    index: int = 0
    count: int = 1

    def of(self, batch: Tensor) -> Tensor:
        """This part's items of a whole batch."""
        return batch.chunk(self.count)[self.index]


Losses = Callable[[nn.Module, Part, torch.Generator], Mapping[str, Tensor]]
"""(model, part, generator) -> named terms; the one called `loss` is minimised. The part picks the items."""


class Objective(nn.Module):
    """A model and its losses as one module, which is what distributed training wraps."""

    def __init__(self, model: nn.Module, losses: Losses, *, precision: Literal["fp32", "bf16"]):
        super().__init__()
        self.model = model
        self.losses = losses
        self.precision = precision

    def forward(self, part: Part, generator: torch.Generator) -> dict[str, Tensor]:
        with torch.autocast("cuda", torch.bfloat16, enabled=self.precision == "bf16"):
            return dict(self.losses(self.model, part, generator))


@dataclass(frozen=True, slots=True)
class StepReport:
    """losses: every named term. seconds: of this step."""

    step: int
    losses: dict[str, float]
    gradient_norm: float
    seconds: float


def fresh_state(model: nn.Module, config: LoopConfig, team: Team | None = None) -> TrainingState:
    """The state before the first step, on the team's device."""
    team = team or Team()
    share_weights = config.share_weights and team.size > 1
    state = TrainingState.fresh(
        # What is shared goes to the device share by share: it may not fit there in one piece.
        model if share_weights else model.to(team.device),
        learning_rate=config.learning_rate,
        weight_decay=config.weight_decay,
        average_decay=config.average_decay,
        share_weights=share_weights,
    )
    if config.compile:
        # Block by block, where a model names its blocks: minutes less than the model as one.
        model.compile_repeated_blocks() if isinstance(model, ModelMixin) else model.compile()
    return state


def train(
    state: TrainingState, losses: Losses, config: LoopConfig, *, team: Team | None = None
) -> Iterator[StepReport]:
    """Train from `state.step` to `config.steps`, changing the state in place; yields after every step.

    Raises FloatingPointError, naming the step, when the loss or its gradient is not finite; the state is then that of
    the step before. Raises InputError when the processes cannot share the parts of a batch equally.
    """
    team = team or Team()
    require_equal_shares(config, team)
    objective = Objective(state.model, losses, precision=config.precision)
    module = DistributedDataParallel(objective) if team.size > 1 and not state.is_shared else objective
    module.train()
    while state.step < config.steps:
        started = time.perf_counter()
        for group in state.optimizer.param_groups:
            group["lr"] = learning_rate_at(state.step, config)
        state.optimizer.zero_grad(set_to_none=True)
        own = [_part_gradient(module, part, config, team) for part in _parts_of(state.step, config, team)]
        norm = whole(nn.utils.clip_grad_norm_(state.model.parameters(), config.clip_norm))
        values = mean_terms([terms for each in team.gather({"terms": own}) for terms in each["terms"]])
        # The gradient is everyone's: no process goes on where another stops.
        if not (torch.isfinite(norm) and torch.isfinite(torch.tensor(values["loss"]))):
            raise FloatingPointError(
                f"step {state.step}: loss is {values['loss']}, gradient norm {norm.item()}, expected finite numbers"
            )
        state.optimizer.step()
        state.average.update_parameters(state.model)
        state.step += 1
        yield StepReport(state.step, values, float(norm), time.perf_counter() - started)


def require_equal_shares(config: LoopConfig, team: Team) -> None:
    """Raise InputError when some processes would have more parts of a batch than others."""
    if config.parts % team.size:
        raise InputError(f"loop.parts is {config.parts}, expected a multiple of the {team.size} processes")


def _parts_of(step: int, config: LoopConfig, team: Team) -> list[tuple[Part, bool]]:
    """This process's parts of a step, and whether a part is its last, after which gradients are exchanged."""
    indices = range(team.rank, config.parts, team.size)
    return [(Part(step, index, config.parts), index == indices[-1]) for index in indices]


def _part_gradient(
    module: nn.Module, part_and_last: tuple[Part, bool], config: LoopConfig, team: Team
) -> dict[str, float]:
    """Add a part's share to the gradients; returns the loss terms."""
    part, last = part_and_last
    with module.no_sync() if isinstance(module, DistributedDataParallel) and not last else nullcontext():
        terms = module(part, step_generator(config.seed, part.step, part.index))
        # Gradients become the mean over the processes, each of which holds `parts / size` parts.
        (terms["loss"] * team.size / config.parts).backward()
    return {name: term.item() for name, term in terms.items()}


def mean_terms(parts: list[dict[str, float]]) -> dict[str, float]:
    """Mean of every named term, over the parts that have it."""
    names = dict.fromkeys(name for terms in parts for name in terms)
    found = {name: [terms[name] for terms in parts if name in terms] for name in names}
    return {name: sum(values) / len(values) for name, values in found.items()}


def step_generator(seed: int, step: int, part: int = 0) -> torch.Generator:
    """All randomness of a part of a step comes from its numbers: a resumed run draws what a whole one would (EDM2)."""
    return torch.Generator().manual_seed((seed * 0x9E3779B1 + step * 0x85EBCA77 + part * 0xC2B2AE3D + 1) % 2**63)


def learning_rate_at(step: int, config: LoopConfig) -> float:
    """Linear warm-up, then the schedule."""
    if step < config.warmup:
        return config.learning_rate * (step + 1) / config.warmup
    if config.schedule == "constant":
        return config.learning_rate
    part = (step - config.warmup) / max(config.steps - config.warmup, 1)
    cosine = 0.5 * (1 + torch.cos(torch.tensor(torch.pi * part)).item())
    return config.learning_rate * (0.01 + 0.99 * cosine)
