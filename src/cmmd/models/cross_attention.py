"""Full cross-modal attention, an alternative to easy fusion: every position attends to the whole other stream (ours).

The message of a stream is its keys and values, so a condition is encoded once here too. They cover whole feature maps:
messages are large, and the cost of attention grows with the square of the clip length.
"""

import math
from fractions import Fraction

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor, nn

from cmmd.models.blocks import Modality, zero_initialised
from cmmd.models.exchange import OTHER
from cmmd.models.fusion import Fusion

CLOCK_WAVES = 16
LONGEST_WAVE = 256
"""Longest wavelength of the time encoding, in video frames; the shortest is 2."""


class SpeakKeys(nn.Module):
    """Maps features to keys and values ``(b, 2 e, positions, time)``; e is the number of channels of the hearer."""

    def __init__(self, channels: int, hearer_channels: int):
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.project = nn.Linear(channels, 2 * hearer_channels)

    def forward(self, features: Float[Tensor, "b ..."]) -> Float[Tensor, "b e2 positions time"]:
        return rearrange(self.project(self.norm(tokens_of(features))), "b time p e -> b e p time")


class HearKeys(nn.Module):
    """Multi-head attention of features to the keys and values of the other stream, with a zero-initialised output.

    Sinusoids of time are added to queries and keys, because attention alone cannot detect simultaneity. Keys receive
    them here and not in the message, because a message may be reordered before it is heard. own_rate, other_rate: time
    steps per video frame of the hearer and of the speaker.
    """

    def __init__(self, channels: int, *, heads: int, own_rate: Fraction, other_rate: Fraction):
        super().__init__()
        self.heads, self.own_rate, self.other_rate = heads, own_rate, other_rate
        self.norm = nn.LayerNorm(channels)
        self.to_query = nn.Linear(channels, channels)
        self.query_clock = nn.Linear(2 * CLOCK_WAVES, channels, bias=False)
        self.key_clock = nn.Linear(2 * CLOCK_WAVES, channels, bias=False)
        self.project = zero_initialised(nn.Linear(channels, channels))

    def forward(
        self, features: Float[Tensor, "b ..."], message: Float[Tensor, "b e2 positions time"], *, turn: float = 0.0
    ) -> Float[Tensor, "b ..."]:
        """Returns the update that is added to the features, in their shape."""
        tokens = tokens_of(features)
        queries = self.to_query(self.norm(tokens)) + self.query_clock(clock(tokens, rate=self.own_rate))
        keys, values = rearrange(message, "b (kv e) p time -> kv b time p e", kv=2)
        keys = keys + self.key_clock(clock(keys, rate=self.other_rate))
        groups = (self._queries(queries), self._heard(keys, turn=turn), self._heard(values, turn=turn))
        queries, keys, values = (rearrange(x, "g tokens (h d) -> g h tokens d", h=self.heads) for x in groups)
        attended = rearrange(F.scaled_dot_product_attention(queries, keys, values), "g h tokens d -> g tokens (h d)")
        return features_of(self.project(attended).reshape(tokens.shape), like=features)

    def _queries(self, tokens: Float[Tensor, "b time positions e"]) -> Float[Tensor, "groups queries e"]:
        """Groups the queries that attend to the same keys: here one group per item."""
        return tokens.flatten(1, 2)

    def _heard(self, tokens: Float[Tensor, "b time positions e"], *, turn: float) -> Float[Tensor, "groups keys e"]:
        """The keys or values of each group of queries: here all of the item."""
        return tokens.flatten(1, 2)


class CrossAttention(Fusion):
    """Both directions of attention after one stage. `ears` define which positions attend to which."""

    def __init__(self, *, channels: dict[Modality, int], ears: dict[Modality, HearKeys]):
        super().__init__()
        self.mouths = nn.ModuleDict({name: SpeakKeys(channels[name], channels[OTHER[name]]) for name in channels})
        self.ears = nn.ModuleDict({name: ears[name] for name in channels})

    def speak(self, features: Float[Tensor, "b ..."], *, speaker: Modality) -> Float[Tensor, "b e2 positions time"]:
        """Returns the speaker's keys and values, on the speaker's time grid."""
        return self.mouths[speaker](features)

    def hear(
        self,
        features: Float[Tensor, "b ..."],
        message: Float[Tensor, "b e2 positions time"],
        *,
        hearer: Modality,
        hears: Bool[Tensor, " b"],
        turn: float = 0.0,
    ) -> Float[Tensor, "b ..."]:
        """Adds the attention output to the features. Items that do not hear are unchanged."""
        heard = self.ears[hearer](features, message, turn=turn)
        return features + torch.where(hears.view(-1, *(1,) * (features.ndim - 1)), heard, 0.0)


def tokens_of(features: Float[Tensor, "b ..."]) -> Float[Tensor, "b time positions c"]:
    """Features with time first. Positions are the pixels of a video frame or the frequencies of a spectrogram frame."""
    return rearrange(features, "b c f h w -> b f (h w) c" if features.ndim == 5 else "b c m n -> b n m c")


def features_of(tokens: Float[Tensor, "b time positions c"], *, like: Float[Tensor, "b ..."]) -> Float[Tensor, "b ..."]:
    """The inverse of `tokens_of`."""
    if like.ndim == 5:
        return rearrange(tokens, "b f (h w) c -> b c f h w", h=like.shape[3])
    return rearrange(tokens, "b n m c -> b c m n")


def clock(tokens: Float[Tensor, "b time positions c"], *, rate: Fraction) -> Float[Tensor, "time 1 waves"]:
    """Sinusoids of the middle of each time step, in video frames, with wavelengths from 2 to 256 frames."""
    exact = {"device": tokens.device, "dtype": torch.promote_types(tokens.dtype, torch.float32)}
    time = (torch.arange(tokens.shape[1], **exact) + 0.5) / float(rate)
    powers = torch.arange(CLOCK_WAVES, **exact) / (CLOCK_WAVES - 1)
    angles = math.pi * time[:, None] * (2 / LONGEST_WAVE) ** powers
    return torch.cat([angles.cos(), angles.sin()], dim=1)[:, None].to(tokens.dtype)
