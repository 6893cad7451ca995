"""The interface of a task: a batch as a value, and losses as a pure function of model and batch (ours).

The batch holds all random values. It is a tree of named tuples and tensors, drawn on the CPU from seed and step. Losses
are sums with counts, so that means over micro-batches and ranks equal means over the global batch.
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
    """A loss term of a micro-batch. total: sum over the items or values of the term. count: their number."""

    total: Tensor
    count: Tensor


Terms = Mapping[str, Term]
"""Terms by name. `loss` is minimised; its count is the number of items."""


@dataclass(frozen=True, slots=True)
class Objective:
    """draw: returns a micro-batch as a pure function of step and micro-batch. losses: returns the terms of a model on a
    micro-batch."""

    draw: Callable[[int, MicroBatch], Any]
    losses: Callable[[nn.Module, Any], Terms]


def step_generator(seed: int, step: int, *stream: int | str) -> torch.Generator:
    """A CPU generator for one use (`stream`) in one step, so that a resumed run draws the same numbers as an
    uninterrupted one (EDM2)."""
    name = "/".join(map(str, (seed, step, *stream)))
    # torch's CPU generator uses only the low 32 bits of a seed, so neighbouring steps must differ in these bits.
    return torch.Generator().manual_seed(int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest()) >> 1)


def moved(
    batch: Any, *, device: torch.device | str | None = None, dtype: torch.dtype | None = None, pin: bool = False
) -> Any:
    """The batch with every tensor moved to `device`, without waiting for the copy. `dtype` applies to floating-point
    tensors only.

    pin: copy into page-locked memory instead, from which a GPU copies while it computes; ignores `device` and `dtype`.
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
    """Total and count of every term, summed over micro-batches: (terms, 2) in float64, detached, in the order of the
    terms."""
    rows = [torch.stack([torch.stack([term.total, term.count]) for term in terms.values()]) for terms in parts]
    return torch.stack(rows).detach().double().sum(0)


def means(names: Sequence[str], sums: Tensor) -> dict[str, float]:
    """Mean of every term with a count above 0. Reads from the device once."""
    return {name: total / count for name, (total, count) in zip(names, sums.tolist(), strict=True) if count}
