"""The loss on clips that are not trained on: it tells the best step, and when to stop (ours)."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from cmmd.training.distributed import Ranks
from cmmd.training.loop import TrainedModule
from cmmd.training.loop_config import LoopConfig
from cmmd.training.objective import MicroBatch, Objective, means, moved, summed
from cmmd.training.state import TrainingState

BATCHES = 8
"""The same ones, with the same times and noise, at every evaluation."""


def _loss(terms: dict[str, float]) -> float:
    return terms["loss"]


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldOut:
    """objective: draws batches of held-out clips. batch_size: items of one. loss: of the means of all terms; the step
    at which it is lowest is kept."""

    objective: Objective
    batch_size: int
    loss: Callable[[dict[str, float]], float] = _loss


@torch.no_grad()
def held_out_terms(
    state: TrainingState, held_out: HeldOut, config: LoopConfig, ranks: Ranks | None = None
) -> dict[str, float]:
    """Terms of the EMA weights, named `held_out_...`. The ranks share the micro-batches, which are no larger than those
    of training; all get the same figures."""
    ranks = ranks or Ranks()
    module = TrainedModule(state.ema.model, held_out.objective, precision=config.precision).eval()
    pieces = _pieces(held_out.batch_size, largest=config.batch_size // config.micro_batches)
    work = [(batch, MicroBatch(index, pieces)) for batch in range(BATCHES) for index in range(pieces)]
    total = None
    # Ranks that hold shards make the same passes: where the work does not divide, some passes count for nothing.
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
    """The smallest number of equal micro-batches of whole pairs, none larger than `largest` where that can be."""
    pairs = size // 2
    if size % 2 or size <= largest:
        return 1
    return next((count for count in range(1, pairs + 1) if pairs % count == 0 and size // count <= largest), pairs)
