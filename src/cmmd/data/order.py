"""Which clips make up a step's batch: a function of seed and step alone, so that resuming changes nothing (ours)."""

import torch
from jaxtyping import Int
from torch import Tensor


def epoch_order(clips: int, *, seed: int, epoch: int) -> Int[Tensor, " clips"]:
    """A permutation of all clips, another one every epoch."""
    generator = torch.Generator().manual_seed((seed * 1_000_003 + epoch) % 2**63)
    return torch.randperm(clips, generator=generator)


def batch_indices(clips: int, batch_size: int, *, seed: int, step: int) -> Int[Tensor, " batch"]:
    """The clips of batch number `step`: epochs stand end to end, and a batch may reach from one into the next."""
    position = torch.arange(step * batch_size, (step + 1) * batch_size)
    orders = {epoch: epoch_order(clips, seed=seed, epoch=epoch) for epoch in (position // clips).unique().tolist()}
    return torch.stack([orders[int(place // clips)][place % clips] for place in position])
