"""The training loop of all models, a generator that updates a small state, as in smalldiffusion (ours: decision 05).

A step: 1. draw the batch from (seed, step); 2. compute losses and accumulate gradients over the micro-batches; 3. clip
the gradients; 4. update the weights and the EMA; 5. report. On a GPU, a step that is not logged, evaluated or saved
reads nothing from the device.
"""

import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.distributed.fsdp import FSDPModule
from torch.nn.parallel import DistributedDataParallel

from cmmd.errors import InputError
from cmmd.training.compiled_stages import compile_stages
from cmmd.training.distributed import Ranks
from cmmd.training.loop_config import LoopConfig
from cmmd.training.objective import MicroBatch, Objective, Term, Terms, means, moved, summed
from cmmd.training.prefetch import batches
from cmmd.training.sharding import unsharded
from cmmd.training.state import TrainingState


class TrainedModule(nn.Module):
    """A model and its losses as one module, which DistributedDataParallel can wrap."""

    def __init__(self, model: nn.Module, objective: Objective, *, precision: Literal["fp32", "bf16"]):
        super().__init__()
        self.model = model
        self.objective = objective
        self.precision = precision

    def forward(self, batch: Any) -> dict[str, Term]:
        device = next(self.model.parameters()).device.type
        with torch.autocast(device, torch.bfloat16, enabled=self.precision == "bf16"):
            return dict(self.objective.losses(self.model, batch))


@dataclass(frozen=True, slots=True)
class StepReport:
    """step: number of completed steps. The other fields are set on logged steps only. losses: mean of every term over
    the global batch. gradient_norm: norm before clipping. seconds: mean duration of a step since the last logged step.
    """

    step: int
    losses: dict[str, float] | None = None
    gradient_norm: float = 0.0
    seconds: float = 0.0


def fresh_state(model: nn.Module, config: LoopConfig, ranks: Ranks | None = None) -> TrainingState:
    """The state before the first step, on the rank's device. Compiles the model if the settings ask for it."""
    ranks = ranks or Ranks()
    fsdp = config.execution.fsdp and ranks.world_size > 1
    state = TrainingState.fresh(
        # FSDP moves the model to the device shard by shard: the unsharded model may not fit there.
        model if fsdp else model.to(ranks.device),
        learning_rate=config.optimizer.learning_rate,
        weight_decay=config.optimizer.weight_decay,
        ema_decay=config.ema_decay,
        fsdp=fsdp,
        precision=config.execution.precision,
    )
    if config.execution.compile:
        compile_stages(state.model)
    return state


def train(
    state: TrainingState, objective: Objective, config: LoopConfig, *, ranks: Ranks | None = None
) -> Iterator[StepReport]:
    """Train from `state.step` to `config.steps`. Updates the state in place and yields a report after every step.

    Raises FloatingPointError, with the step, if the loss or the gradient norm is not finite: on a CPU at that step,
    before the weights change; on a GPU at the next step that is logged, evaluated or saved. Raises InputError if
    micro_batches is not a multiple of the world size.
    """
    ranks = ranks or Ranks()
    require_equal_shares(config, ranks)
    config.allow_tf32()
    module = TrainedModule(state.model, objective, precision=config.execution.precision)
    module = _distributed(module, state, objective, config, ranks)
    finite = torch.ones((), device=ranks.device, dtype=torch.bool)
    started, logged_step = time.perf_counter(), state.step

    def draw(step: int) -> list[Any]:
        return _rank_batch(objective, step, config, ranks)

    is_cpu, reports = ranks.device.type == "cpu", config.reports
    for micro_batches in batches(draw, start=state.step, stop=config.steps, ahead=not is_cpu):
        terms, norm = accumulate_gradients(module, micro_batches, config, ranks)
        finite = finite & torch.isfinite(norm)
        is_logged = (state.step + 1) % reports.log_every == 0 or state.step + 1 == config.steps
        losses = _reduced(terms, ranks) if is_logged else None
        # A diverged state is never evaluated or saved. On a CPU the check is free, so every step is checked.
        is_used = any((state.step + 1) % every == 0 for every in (reports.save_every, reports.evaluate_every))
        if is_logged or is_used or is_cpu:
            _require_finite(state.step, losses, finite, norm)
        update_weights(state, config)
        if losses is None:
            yield StepReport(state.step)
            continue
        seconds = (time.perf_counter() - started) / (state.step - logged_step)
        yield StepReport(state.step, losses, float(norm), seconds)
        started, logged_step = time.perf_counter(), state.step


def accumulate_gradients(
    module: nn.Module, batches: list[Any], config: LoopConfig, ranks: Ranks
) -> tuple[list[Terms], Tensor]:
    """Accumulate gradients over this rank's micro-batches, reduce them over the ranks once, and clip them.

    Returns the terms of each micro-batch and the gradient norm before clipping. Reads nothing from the device.
    """
    found = []
    for index, batch in enumerate(batches):
        with _exchanging_gradients(module, index == len(batches) - 1):
            terms = module(moved(batch, device=ranks.device))
            # DDP and FSDP average gradients over the ranks.
            (terms["loss"].total * ranks.world_size / config.batch_size).backward()
        found.append({name: Term(term.total.detach(), term.count) for name, term in terms.items()})
    return found, unsharded(nn.utils.clip_grad_norm_(module.parameters(), config.optimizer.clip_norm))


def update_weights(state: TrainingState, config: LoopConfig) -> None:
    """Run an optimiser step at the scheduled learning rate, then update the EMA."""
    for group in state.optimizer.param_groups:
        group["lr"] = config.learning_rate_at(state.step)
    state.optimizer.step()
    state.optimizer.zero_grad(set_to_none=True)
    state.ema.update(state.model, updates=state.step)
    state.step += 1


def require_equal_shares(config: LoopConfig, ranks: Ranks) -> None:
    """Raise InputError if micro_batches is not a multiple of the world size."""
    found, world_size = config.execution.micro_batches, ranks.world_size
    if found % world_size:
        raise InputError(f"loop.micro_batches is {found}, expected a multiple of the {world_size} ranks")


def _distributed(
    module: TrainedModule, state: TrainingState, objective: Objective, config: LoopConfig, ranks: Ranks
) -> nn.Module:
    """The module in training mode, wrapped in DDP if there are several ranks and the weights are not sharded."""
    module.train()
    if ranks.world_size == 1 or state.is_sharded or state.step >= config.steps:
        return module
    with warnings.catch_warnings():  # recent torch renames broadcast_buffers; older versions lack the new name
        warnings.simplefilter("ignore", FutureWarning)
        parallel = DistributedDataParallel(
            module, gradient_as_bucket_view=True, static_graph=True, broadcast_buffers=False
        )
    # With static_graph, the first pass must exchange gradients, and DDP orders its buckets by it for the next pass. A
    # warm-up pass whose gradients are discarded gives all steps the same bucket order, also the first after a resume.
    batch = objective.draw(state.step, MicroBatch(ranks.rank, config.execution.micro_batches))
    parallel(moved(batch, device=ranks.device))["loss"].total.backward()
    state.optimizer.zero_grad(set_to_none=True)
    return parallel


def _rank_batch(objective: Objective, step: int, config: LoopConfig, ranks: Ranks) -> list[Any]:
    """This rank's micro-batches of a step, in pinned memory if the device is a GPU."""
    count = config.execution.micro_batches
    indices = range(ranks.rank, count, ranks.world_size)
    batches = [objective.draw(step, MicroBatch(index, count)) for index in indices]
    return [moved(batch, pin=True) for batch in batches] if ranks.device.type == "cuda" else batches


@contextmanager
def _exchanging_gradients(module: nn.Module, is_last: bool) -> Iterator[None]:
    """Disables the exchange of gradients between ranks, except for the last micro-batch."""
    if isinstance(module, DistributedDataParallel):
        with nullcontext() if is_last else module.no_sync():
            yield
        return
    if isinstance(module.model, FSDPModule):
        module.model.set_requires_gradient_sync(is_last)
    yield


def _reduced(terms: list[Terms], ranks: Ranks) -> dict[str, float]:
    return means(tuple(terms[0]), ranks.summed(summed(terms)))


def _require_finite(step: int, losses: dict[str, float] | None, finite: Tensor, norm: Tensor) -> None:
    if finite and (losses is None or losses["loss"] - losses["loss"] == 0):
        return
    loss = "" if losses is None else f"loss is {losses['loss']}, "
    raise FloatingPointError(f"step {step}: {loss}gradient norm is {norm.item()}, expected finite numbers")
