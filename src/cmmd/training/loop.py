"""The training loop, a generator over a small state (as in smalldiffusion); it trains every model (ours: decision 05).

1. draw the batch from (seed, step)   2. losses and gradients, micro-batch by micro-batch   3. clip   4. step, EMA
5. report. A step that is not logged reads nothing from the device.
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
    """A model and its losses as one module, which is what distributed training wraps."""

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
    """step: steps done. losses: mean of every term over the whole batch, and gradient_norm, where the step is logged.
    seconds: a step, on average since the last logged one."""

    step: int
    losses: dict[str, float] | None = None
    gradient_norm: float = 0.0
    seconds: float = 0.0


def fresh_state(model: nn.Module, config: LoopConfig, ranks: Ranks | None = None) -> TrainingState:
    """The state before the first step, on the rank's device."""
    ranks = ranks or Ranks()
    fsdp = config.fsdp and ranks.world_size > 1
    state = TrainingState.fresh(
        # What is sharded goes to the device shard by shard: it may not fit there in one piece.
        model if fsdp else model.to(ranks.device),
        learning_rate=config.learning_rate,
        weight_decay=config.weight_decay,
        ema_decay=config.ema_decay,
        fsdp=fsdp,
        precision=config.precision,
    )
    if config.compile:
        compile_stages(state.model)
    return state


def train(
    state: TrainingState, objective: Objective, config: LoopConfig, *, ranks: Ranks | None = None
) -> Iterator[StepReport]:
    """Train from `state.step` to `config.steps`, changing the state in place; yields after every step.

    Raises FloatingPointError, naming the step, when the loss or its gradient is not finite: on a CPU at that step,
    before the weights change; on a GPU at the next one that is logged, evaluated or saved. Raises InputError when the
    ranks cannot share the micro-batches equally.
    """
    ranks = ranks or Ranks()
    require_equal_shares(config, ranks)
    config.allow_tf32()
    module = TrainedModule(state.model, objective, precision=config.precision)
    module = _distributed(module, state, objective, config, ranks)
    finite = torch.ones((), device=ranks.device, dtype=torch.bool)
    started, logged_step = time.perf_counter(), state.step

    def draw(step: int) -> list[Any]:
        return _rank_batch(objective, step, config, ranks)

    is_cpu = ranks.device.type == "cpu"
    for micro_batches in batches(draw, start=state.step, stop=config.steps, ahead=not is_cpu):
        terms, norm = accumulate_gradients(module, micro_batches, config, ranks)
        finite = finite & torch.isfinite(norm)
        is_logged = (state.step + 1) % config.log_every == 0 or state.step + 1 == config.steps
        losses = _reduced(terms, ranks) if is_logged else None
        # Nothing that diverged is evaluated or saved; on a CPU a look costs nothing.
        is_used = any((state.step + 1) % every == 0 for every in (config.save_every, config.evaluate_every))
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
    """Gradients of the whole batch from this rank's micro-batches, which the ranks exchange once, clipped; the terms of
    each micro-batch and the gradient's norm. Nothing is read from the device."""
    found = []
    for index, batch in enumerate(batches):
        with _exchanging_gradients(module, index == len(batches) - 1):
            terms = module(moved(batch, device=ranks.device))
            # Gradients become the mean over the ranks.
            (terms["loss"].total * ranks.world_size / config.batch_size).backward()
        found.append({name: Term(term.total.detach(), term.count) for name, term in terms.items()})
    return found, unsharded(nn.utils.clip_grad_norm_(module.parameters(), config.clip_norm))


def update_weights(state: TrainingState, config: LoopConfig) -> None:
    """An optimiser step at the schedule's learning rate, then the EMA."""
    for group in state.optimizer.param_groups:
        group["lr"] = config.learning_rate_at(state.step)
    state.optimizer.step()
    state.optimizer.zero_grad(set_to_none=True)
    state.ema.update(state.model, updates=state.step)
    state.step += 1


def require_equal_shares(config: LoopConfig, ranks: Ranks) -> None:
    """Raise InputError when some ranks would have more micro-batches than others."""
    if config.micro_batches % ranks.world_size:
        raise InputError(
            f"loop.micro_batches is {config.micro_batches}, expected a multiple of the {ranks.world_size} ranks"
        )


def _distributed(
    module: TrainedModule, state: TrainingState, objective: Objective, config: LoopConfig, ranks: Ranks
) -> nn.Module:
    """The module as the ranks train it: DDP where each of them has all the weights."""
    module.train()
    if ranks.world_size == 1 or state.is_sharded or state.step >= config.steps:
        return module
    with warnings.catch_warnings():  # the newest torch has another name for broadcast_buffers, which older ones lack
        warnings.simplefilter("ignore", FutureWarning)
        parallel = DistributedDataParallel(
            module, gradient_as_bucket_view=True, static_graph=True, broadcast_buffers=False
        )
    # The first pass of a static graph must exchange gradients, and the next one orders its buckets by it: a pass that
    # counts for nothing makes every step that follows the same, whether it is the first after a resume or not.
    batch = objective.draw(state.step, MicroBatch(ranks.rank, config.micro_batches))
    parallel(moved(batch, device=ranks.device))["loss"].total.backward()
    state.optimizer.zero_grad(set_to_none=True)
    return parallel


def _rank_batch(objective: Objective, step: int, config: LoopConfig, ranks: Ranks) -> list[Any]:
    """This rank's micro-batches of a step, in memory from which the device can copy."""
    indices = range(ranks.rank, config.micro_batches, ranks.world_size)
    batches = [objective.draw(step, MicroBatch(index, config.micro_batches)) for index in indices]
    return [moved(batch, pin=True) for batch in batches] if ranks.device.type == "cuda" else batches


@contextmanager
def _exchanging_gradients(module: nn.Module, is_last: bool) -> Iterator[None]:
    """Only the last micro-batch of a rank exchanges gradients with the others."""
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
