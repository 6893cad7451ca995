"""Easy fusion: each stream sends a small message along time to the other one (paper: the block; ours: its form).

The cost is linear in clip length. A message has a few kilobytes, so a condition can be encoded once and retained.
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
    """Channels per position in the projection to or from a message: over all positions about twice the message's width,
    but at least 4 and at most ``channels``."""
    return min(channels, max(4, math.ceil(2 * width / positions)))


class Speak(nn.Module):
    """Maps features to a message ``(b, d, time)`` (ours).

    With ``positions`` and ``low_rank`` the features are projected to a few channels and the positions are flattened
    into channels, so that the message encodes the location in space or frequency. With ``mean`` they are averaged over
    the positions first.
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
    """Maps a message to an update of the features: time-grid change, 1-D convolution, zero-initialised projection.

    `rate` is the number of the hearer's time steps per time step of the message. Time is folded into channels for a
    coarser grid and unfolded from them for a finer one, so that no timing is averaged away (decision 02).
    With ``positions`` above 1 each position of space or frequency receives a different update: an equal update
    everywhere could encode that something sounds, but hardly at which pitch. The projection then holds most parameters
    of the network. ``rank`` factorises it through that number of channels per position, as in `Speak`. Raises
    ValueError for a rate that is neither a whole number nor one over a whole number.
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
    """Both directions of easy fusion after one stage: each stream has a `Speak` (mouth) and a `Hear` (ear)."""

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
        """Returns the speaker's message, on the speaker's time grid."""
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
        """Adds the update from the message to the features. Items that do not hear are unchanged."""
        heard = self.ears[hearer](message)
        # torch.where and not a product: a non-finite message must not reach an item that does not hear.
        heard = torch.where(hears[:, None, None, None], heard, 0.0)
        if heard.shape[2] == 1:
            return features + over_positions(heard[:, :, 0], features)
        if features.ndim == 5:
            height = features.shape[-2]
            heard = rearrange(heard, "b c (h w) f -> b c f h w", h=height)
        return features + heard
