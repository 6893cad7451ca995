"""ConvNeXt blocks over spectrogram frames (Liu et al., arXiv 2201.03545), as in Vocos (Siuzdak, arXiv 2306.00814)."""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

KERNEL = 7
"""Frames of a depthwise convolution."""
MIDDLE, SPREAD = -2.5, 2.0
"""Nepers. They bring the log-mel of the world near to mean 0 and deviation 1."""


class Block(nn.Module):
    """ConvNeXt block over frames: depthwise convolution, layer norm and two linear layers, added to the input."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv1d(width, width, KERNEL, padding=KERNEL // 2, groups=width)
        self.norm = nn.LayerNorm(width)
        self.widen = nn.Linear(width, hidden)
        self.narrow = nn.Linear(hidden, width)
        self.scale = nn.Parameter(torch.full((width,), 0.3))

    def forward(self, x: Float[Tensor, "b n c"]) -> Float[Tensor, "b n c"]:
        mixed = self.norm(self.depthwise(x.transpose(1, 2)).transpose(1, 2))
        return x + self.scale * self.narrow(F.gelu(self.widen(mixed)))


def check_sizes(config: Mapping[str, object]) -> None:
    """Raises ValueError for a size, any whole number of a network's configuration, that is below 1."""
    for name, size in config.items():
        if isinstance(size, int) and size < 1:
            raise ValueError(f"{name} is {size}, expected at least 1")
