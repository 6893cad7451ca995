"""What the training loop asks of a task: a batch as a value, and losses as a pure function of model and batch (ours).

Everything random is in the batch, which is a tree of named tuples and tensors, drawn on the CPU from seed and step.
Losses come as sums with their counts, so that means over micro-batches and ranks are those over the whole batch.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn


class MicroBatch(NamedTuple):
    """One of `count` equal slices of the global batch."""

    index: int = 0
    count: int = 1


class Term(NamedTuple):
    """A loss term of a micro-batch: the sum over the items or values that it concerns, and how many they are."""

    total: Tensor
    count: Tensor


Terms = Mapping[str, Term]
"""Named terms; `loss` is minimised, and its count is the number of items."""


@dataclass(frozen=True, slots=True)
class Objective:
    """draw: a micro-batch of a step, from both alone. losses: its terms under a model."""

    draw: Callable[[int, MicroBatch], Any]
    losses: Callable[[nn.Module, Any], Terms]


def step_generator(seed: int, step: int, *stream: int | str) -> torch.Generator:
    """The random numbers of one use (`stream`) in one step: a resumed run draws what a whole one would (EDM2)."""
    name = "/".join(map(str, (seed, step, *stream)))
    # torch's CPU generator looks at the low 32 bits of a seed alone: neighbouring numbers must differ there.
    return torch.Generator().manual_seed(int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest()) >> 1)


def moved(
    batch: Any, *, device: torch.device | str | None = None, dtype: torch.dtype | None = None, pin: bool = False
) -> Any:
    """The same batch with every tensor on a device, without waiting for it; `dtype` is for floating tensors alone.

    pin: into page-locked memory, from which a GPU copies while it computes.
    """
    if isinstance(batch, Tensor):
        if pin:
            return batch.pin_memory()
        return batch.to(device, dtype if batch.is_floating_point() else None, non_blocking=True)
    if isinstance(batch, tuple):
        values = [moved(value, device=device, dtype=dtype, pin=pin) for value in batch]
        return type(batch)(*values) if hasattr(batch, "_fields") else type(batch)(values)
    return batch


def summed(parts: Sequence[Terms]) -> Tensor:
    """Total and count of every term over some micro-batches, (terms, 2) in float64, in the order of their names."""
    rows = [torch.stack([torch.stack([term.total, term.count]) for term in terms.values()]) for terms in parts]
    return torch.stack(rows).detach().double().sum(0)


def means(names: Sequence[str], sums: Tensor) -> dict[str, float]:
    """Mean of every term that concerned anything; reads the device once."""
    return {name: total / count for name, (total, count) in zip(names, sums.tolist(), strict=True) if count}
