"""Per-channel mean and standard deviation: training standardises with them, generation inverts this (ours)."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True, kw_only=True, slots=True)
class Statistics:
    """Per-channel mean and standard deviation of one modality."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    @classmethod
    def of(cls, clips: Float[Tensor, "clips c ..."]) -> "Statistics":
        # Clip by clip: a float copy of a whole training set would double its memory.
        axes = tuple(range(1, clips.ndim - 1))
        means = torch.stack([clip.float().mean(axes) for clip in clips])
        squares = torch.stack([clip.float().square().mean(axes) for clip in clips])
        mean = means.double().mean(0)
        std = (squares.double().mean(0) - mean.square()).clamp_min(1e-12).sqrt()
        return cls(mean=tuple(mean.tolist()), std=tuple(std.tolist()))

    @classmethod
    def of_values(cls, values: Mapping[str, Any]) -> "Statistics":
        """Reads `mean` and `std` from the content of a file. Raises ValueError unless both have the same number (at
        least 1) of finite values and all deviations are above 0."""
        mean, std = tuple(values["mean"]), tuple(values["std"])
        numbers = all(isinstance(value, float | int) and math.isfinite(value) for value in (*mean, *std))
        if not numbers or len(mean) != len(std) or min(std, default=0) <= 0:
            raise ValueError(f"statistics are {values!r:.60}, expected as many means as deviations above 0")
        return cls(mean=mean, std=std)

    @classmethod
    def mixed(cls, parts: "Sequence[Statistics]", weights: Sequence[float]) -> "Statistics":
        """Returns the statistics of a weighted mixture of sets. Raises ValueError when their channel counts differ."""
        if len({len(part.mean) for part in parts}) != 1:
            raise ValueError(f"sets of {[len(part.mean) for part in parts]} channels, expected equal numbers")
        shares = torch.tensor(weights, dtype=torch.float64)[:, None] / sum(weights)
        means, stds = (torch.tensor([getattr(p, name) for p in parts], dtype=torch.float64) for name in ("mean", "std"))
        mean = (shares * means).sum(0)
        variance = (shares * (means.square() + stds.square())).sum(0) - mean.square()
        return cls(mean=tuple(mean.tolist()), std=tuple(variance.clamp_min(1e-12).sqrt().tolist()))

    def of_first(self, channels: int) -> "Statistics":
        """Returns the statistics of the first `channels` channels."""
        return Statistics(mean=self.mean[:channels], std=self.std[:channels])

    def standardise(self, x: Float[Tensor, "b c ..."]) -> Float[Tensor, "b c ..."]:
        """Scales every channel to mean 0 and deviation 1. Raises ValueError for another number of channels."""
        mean, std = self._like(x)
        return (x - mean) / std

    def restore(self, x: Float[Tensor, "b c ..."]) -> Float[Tensor, "b c ..."]:
        """The inverse of `standardise`."""
        mean, std = self._like(x)
        return x * std + mean

    def _like(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if x.shape[1] != len(self.mean):
            raise ValueError(f"statistics are of {len(self.mean)} channels, the tensor has {x.shape[1]}")
        shape = (1, -1) + (1,) * (x.ndim - 2)
        mean, std = (
            torch.tensor(values, device=x.device, dtype=x.dtype).view(shape) for values in (self.mean, self.std)
        )
        return mean, std
