"""Sampler: the batch of a step depends only on seed and step, so a resumed run draws the same batches (ours)."""

from collections.abc import Sequence
from functools import lru_cache

import torch
from jaxtyping import Int
from torch import Tensor


@lru_cache(maxsize=16)  # a batch needs the permutation of its whole epoch; the next batch reuses it
def epoch_order(clips: int, *, seed: int, epoch: int) -> Int[Tensor, " clips"]:
    """Returns a permutation of all clip indices, a different one for each epoch."""
    generator = torch.Generator().manual_seed((seed * 1_000_003 + epoch) % 2**63)
    return torch.randperm(clips, generator=generator)


def batch_indices(clips: int, batch_size: int, *, seed: int, step: int) -> Int[Tensor, " batch"]:
    """Returns the clip indices of batch number `step`. Epochs are concatenated; a batch may span two of them."""
    position = torch.arange(step * batch_size, (step + 1) * batch_size)
    orders = {epoch: epoch_order(clips, seed=seed, epoch=epoch) for epoch in (position // clips).unique().tolist()}
    return torch.stack([orders[int(index // clips)][index % clips] for index in position])


def mixed_batch_indices(
    sizes: Sequence[int], weights: Sequence[float], batch_size: int, *, seed: int, step: int
) -> Int[Tensor, " batch"]:
    """Returns the clip indices of a batch from several sets; they index the concatenation of the sets.

    An epoch of the mixture has about as many entries as there are clips, in random order; the number of entries of a
    set is proportional to its weight. The entries of a set run through that set's own epochs: small sets are repeated
    more often, and the clips of one set are drawn equally often. With one set the batches contain each clip once per
    epoch, as in `batch_indices`, in a different order. Raises ValueError when `sizes` is empty or differs from
    `weights` in length, a weight is not above 0, or a set is empty.
    """
    if len(sizes) != len(weights) or not sizes or min(weights) <= 0 or min(sizes) < 1:
        raise ValueError(
            f"sets of {list(sizes)} clips with weights {list(weights)}, expected a weight above 0 for each"
        )
    shares = [max(1, round(sum(sizes) * weight / sum(weights))) for weight in weights]
    epoch_entries = sum(shares)
    ends = torch.tensor(shares).cumsum(0)
    indices = []
    for index in range(step * batch_size, (step + 1) * batch_size):
        epoch, within = divmod(index, epoch_entries)
        entry = int(epoch_order(epoch_entries, seed=seed, epoch=epoch)[within])
        chosen = int(torch.bucketize(entry, ends, right=True))
        # Number of this entry within its set: the set's entries in earlier mixture epochs, plus the offset in this one.
        own = epoch * shares[chosen] + entry - (int(ends[chosen]) - shares[chosen])
        own_epoch, position = divmod(own, sizes[chosen])
        # Each set has its own seed, so that two sets of equal size are drawn in different orders.
        order = epoch_order(sizes[chosen], seed=seed + 1_000 * (chosen + 1), epoch=own_epoch)
        indices.append(sum(sizes[:chosen]) + int(order[position]))
    return torch.tensor(indices)
