"""Which clips make up a step's batch: a function of seed and step alone, so that resuming changes nothing (ours)."""

from collections.abc import Sequence
from functools import lru_cache

import torch
from jaxtyping import Int
from torch import Tensor


@lru_cache(maxsize=16)  # a batch needs the order of its whole epoch, and so does the next one
def epoch_order(clips: int, *, seed: int, epoch: int) -> Int[Tensor, " clips"]:
    """A permutation of all clips, another one every epoch."""
    generator = torch.Generator().manual_seed((seed * 1_000_003 + epoch) % 2**63)
    return torch.randperm(clips, generator=generator)


def batch_indices(clips: int, batch_size: int, *, seed: int, step: int) -> Int[Tensor, " batch"]:
    """The clips of batch number `step`: epochs stand end to end, and a batch may reach from one into the next."""
    position = torch.arange(step * batch_size, (step + 1) * batch_size)
    orders = {epoch: epoch_order(clips, seed=seed, epoch=epoch) for epoch in (position // clips).unique().tolist()}
    return torch.stack([orders[int(place // clips)][place % clips] for place in position])


def mixed_batch_indices(
    sizes: Sequence[int], weights: Sequence[float], batch_size: int, *, seed: int, step: int
) -> Int[Tensor, " batch"]:
    """The clips of a batch from several sets, numbered as if the sets stood end to end.

    An epoch has as many entries as there are clips, of which each set has its weight's share, in random order. A set's
    entries go through its own epochs one after the other: small sets are seen more often, and each of their clips
    equally often. With one set this is `batch_indices` in another order. Raises ValueError for unequal numbers.
    """
    if len(sizes) != len(weights) or not sizes or min(weights) <= 0 or min(sizes) < 1:
        raise ValueError(
            f"sets of {list(sizes)} clips with weights {list(weights)}, expected a weight above 0 for each"
        )
    shares = [max(1, round(sum(sizes) * weight / sum(weights))) for weight in weights]
    epoch_entries = sum(shares)
    ends = torch.tensor(shares).cumsum(0)
    indices = []
    for place in range(step * batch_size, (step + 1) * batch_size):
        epoch, within = divmod(place, epoch_entries)
        entry = int(epoch_order(epoch_entries, seed=seed, epoch=epoch)[within])
        chosen = int(torch.bucketize(entry, ends, right=True))
        # How many entries of this set came before: whole epochs of the mixture, and this one's up to here.
        own = epoch * shares[chosen] + entry - (int(ends[chosen]) - shares[chosen])
        own_epoch, position = divmod(own, sizes[chosen])
        # Another seed for each set: two sets of one size are not drawn in the same order.
        order = epoch_order(sizes[chosen], seed=seed + 1_000 * (chosen + 1), epoch=own_epoch)
        indices.append(sum(sizes[:chosen]) + int(order[position]))
    return torch.tensor(indices)
