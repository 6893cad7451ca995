"""The loss on held-out clips; it selects the best step and decides when to stop (ours)."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from cmmd.training.distributed import Ranks
from cmmd.training.loop import TrainedModule
from cmmd.training.loop_config import LoopConfig
from cmmd.training.objective import MicroBatch, Objective, means, moved, summed
from cmmd.training.state import TrainingState

BATCHES = 8
"""Number of batches of an evaluation. Every evaluation uses the same batches, times and noise."""


def _loss(terms: dict[str, float]) -> float:
    return terms["loss"]


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldOut:
    """objective: draws batches of held-out clips. batch_size: items of a batch. loss: computes the held-out loss from
    the means of all terms; the step with the lowest loss is the best step."""

    objective: Objective
    batch_size: int
    loss: Callable[[dict[str, float]], float] = _loss


@torch.no_grad()
def held_out_terms(
    state: TrainingState, held_out: HeldOut, config: LoopConfig, ranks: Ranks | None = None
) -> dict[str, float]:
    """Means of all terms under the EMA weights, named `held_out_...`; the same on all ranks.

    The micro-batches are distributed over the ranks. `_pieces` limits their size to that of training.
    """
    ranks = ranks or Ranks()
    module = TrainedModule(state.ema.model, held_out.objective, precision=config.execution.precision).eval()
    pieces = _pieces(held_out.batch_size, largest=config.batch_size // config.execution.micro_batches)
    work = [(batch, MicroBatch(index, pieces)) for batch in range(BATCHES) for index in range(pieces)]
    total = None
    # Sharded ranks must all run the same number of passes. If the work does not divide evenly, surplus passes have
    # weight 0.
    for turn in range(-(-len(work) // ranks.world_size)):
        place = turn * ranks.world_size + ranks.rank
        step, micro_batch = work[place % len(work)]
        terms = module(moved(held_out.objective.draw(step, micro_batch), device=ranks.device))
        sums = summed([terms]) * (place < len(work))
        total = sums if total is None else total + sums
        names = tuple(terms)
    assert total is not None
    values = ranks.decided(means(names, ranks.summed(total)))
    return {f"held_out_{name}": value for name, value in (values | {"loss": held_out.loss(values)}).items()}


def _pieces(size: int, *, largest: int) -> int:
    """The smallest number of equal micro-batches of at most `largest` items that does not split pairs.

    Returns the number of pairs if no such number exists, and 1 for an odd size.
    """
    pairs = size // 2
    if size % 2 or size <= largest:
        return 1
    return next((count for count in range(1, pairs + 1) if pairs % count == 0 and size // count <= largest), pairs)
