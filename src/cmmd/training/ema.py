"""The exponential moving average (EMA) of the weights, which is what is kept of a training (arXiv 2312.02696)."""

import copy

import torch
from torch import Tensor, nn


class EMA:
    """A copy of a model whose weights follow it; buffers are those of the start."""

    def __init__(self, model: nn.Module, *, decay: float) -> None:
        self.model = copy.deepcopy(model).requires_grad_(False).eval()
        self.decay = decay

    def decay_at(self, updates: int) -> float:
        """Grows with the updates done: early on, the random start would outweigh everything since."""
        return min(self.decay, (1 + updates) / (10 + updates))

    @torch.no_grad()
    def update(self, model: nn.Module, *, updates: int) -> None:
        """Move towards the model's weights, all of them at once and without a read of the device."""
        averages: list[Tensor] = list(self.model.parameters())
        weight = 1 - self.decay_at(updates)
        torch._foreach_lerp_(averages, list(model.parameters()), weight)  # pyright: ignore[reportPrivateImportUsage]
