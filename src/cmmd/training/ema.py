"""The exponential moving average (EMA) of the weights, which is the result of a training (arXiv 2312.02696)."""

import copy

import torch
from torch import Tensor, nn


class EMA:
    """Holds a copy of a model. The weights of the copy are the EMA; its buffers keep their initial values."""

    def __init__(self, model: nn.Module, *, decay: float) -> None:
        self.model = copy.deepcopy(model).requires_grad_(False).eval()
        self.decay = decay

    def decay_at(self, updates: int) -> float:
        """The decay after `updates` updates. It grows to `decay`, because otherwise the random initial weights would
        dominate the average early in training."""
        return min(self.decay, (1 + updates) / (10 + updates))

    @torch.no_grad()
    def update(self, model: nn.Module, *, updates: int) -> None:
        """Move the average towards `model`'s weights in one multi-tensor operation, without reading from the device."""
        averages: list[Tensor] = list(self.model.parameters())
        weight = 1 - self.decay_at(updates)
        torch._foreach_lerp_(averages, list(model.parameters()), weight)  # pyright: ignore[reportPrivateImportUsage]
