"""Easy fusion: a stream speaks a short message along time, the other hears it (paper: the block; ours: its form).

Cost is linear in clip length, and a message is a few kilobytes, so that a condition can be encoded once and kept.
"""

import math
from fractions import Fraction

import torch
from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor, nn

from cmmd.models.blocks import Modality, PointConv, over_positions, zero_initialised
from cmmd.models.exchange import OTHER
from cmmd.models.fusion import Fusion
from cmmd.models.network_config import Reduction


def narrow_channels(channels: int, *, positions: int, width: int) -> int:
    """Channels a position on the way to a message and from it: together twice the message's width, and never fewer than
    four."""
    return min(channels, max(4, math.ceil(2 * width / positions)))


class Speak(nn.Module):
    """Features to a message ``(b, d, time)`` (ours).

    ``positions`` and ``low_rank``: project to a few channels and let every position be channels, so that the message
    knows where in space or frequency something is. ``mean``: average over the positions first.
    """

    def __init__(self, channels: int, positions: int, width: int, *, reduction: Reduction):
        super().__init__()
        self.narrow = None
        entering = channels
        if reduction != "mean":
            few = narrow_channels(channels, positions=positions, width=width)
            self.narrow = PointConv(channels, few)
            entering = few * positions
        self.norm = nn.GroupNorm(1, entering)
        self.project = nn.Conv1d(entering, width, 1)

    def forward(self, features: Float[Tensor, "b ..."]) -> Float[Tensor, "b d time"]:
        video = features.ndim == 5
        if self.narrow is None:
            sequence = features.mean((3, 4) if video else 2)
        else:
            sequence = rearrange(self.narrow(features), "b c f h w -> b (c h w) f" if video else "b c m n -> b (c m) n")
        return self.project(self.norm(sequence))


class Hear(nn.Module):
    """A message to something to add to features: own time grid, 1-D convolution, zero-initialised projection.

    `rate` is the number of the hearer's time steps in one of the message's. Time is folded into channels on the way to
    a coarser grid and out of them on the way to a finer one: nothing of when it happens is averaged away (decision 02).
    With ``positions`` above 1 every position of space or frequency hears its own part: the same addition everywhere
    could say that something sounds, but hardly at which pitch. The projection then holds most parameters of a network;
    with a ``rank`` it goes through so many channels a position, as the mouth does. Raises ValueError for a rate that is
    neither whole nor one over a whole number.
    """

    def __init__(self, channels: int, width: int, *, positions: int, rate: Fraction, rank: int | None = None):
        super().__init__()
        if rate.numerator != 1 and rate.denominator != 1:
            raise ValueError(f"time grids differ by the factor {rate}, expected a whole one")
        self.up, self.down = rate.numerator, rate.denominator
        self.conv = nn.Conv1d(width * self.down, width * self.up, 3, padding=1)
        self.widen = None
        if rank is None:
            self.project = zero_initialised(nn.Conv1d(width, channels * positions, 1))
        else:
            self.project = nn.Conv1d(width, rank * positions, 1)
            self.widen = zero_initialised(PointConv(rank, channels))
        self.positions = positions

    def forward(self, message: Float[Tensor, "b d time"]) -> Float[Tensor, "b c positions own_time"]:
        folded = rearrange(message, "b d (time down) -> b (d down) time", down=self.down)
        heard = rearrange(self.conv(folded), "b (d up) time -> b d (time up)", up=self.up)
        heard = self.project(nn.functional.silu(heard)).unflatten(1, (-1, self.positions))
        return heard if self.widen is None else self.widen(heard)


class EasyFusion(Fusion):
    """Both directions of easy fusion after one stage: each stream has a mouth and an ear."""

    def __init__(
        self,
        *,
        channels: dict[Modality, int],
        positions: dict[Modality, int],
        rates: dict[Modality, Fraction],
        width: int,
        reduction: Reduction,
    ):
        super().__init__()
        self.mouths = nn.ModuleDict(
            {name: Speak(channels[name], positions[name], width, reduction=reduction) for name in channels}
        )
        self.ears = nn.ModuleDict()
        for name, own in channels.items():
            places = 1 if reduction == "mean" else positions[name]
            rank = narrow_channels(own, positions=places, width=width) if reduction == "low_rank" else None
            self.ears[name] = Hear(own, width, positions=places, rate=rates[name] / rates[OTHER[name]], rank=rank)

    def speak(self, features: Float[Tensor, "b ..."], *, speaker: Modality) -> Float[Tensor, "b d time"]:
        """The speaker's message on its own time grid."""
        return self.mouths[speaker](features)

    def hear(
        self,
        features: Float[Tensor, "b ..."],
        message: Float[Tensor, "b d time"],
        *,
        hearer: Modality,
        hears: Bool[Tensor, " b"],
        turn: float = 0.0,
    ) -> Float[Tensor, "b ..."]:
        """Add what was heard; an item that does not hear is untouched."""
        heard = self.ears[hearer](message)
        # where, not a product: a message that is not finite must not reach an item that does not hear.
        heard = torch.where(hears[:, None, None, None], heard, 0.0)
        if heard.shape[2] == 1:
            return features + over_positions(heard[:, :, 0], features)
        if features.ndim == 5:
            height = features.shape[-2]
            heard = rearrange(heard, "b c (h w) f -> b c f h w", h=height)
        return features + heard
