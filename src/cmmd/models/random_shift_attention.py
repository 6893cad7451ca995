"""Random-shift attention, the fusion of the baseline MM-Diffusion (arXiv 2212.09478; decision 11).

Frame i attends to the frames i + r to i + r + S - 1 of the other stream, cyclically: S is the window, r the shift. The
cost is linear in clip length. Ours: r is the sum of a start, seeded per stage, and a turn drawn for each training step;
queries and keys have time encodings, as in full attention.
"""

from fractions import Fraction

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor

from cmmd.models.cross_attention import HearKeys

WINDOWS = (1, 4, 8)
"""Window in video frames per level, finest first; the last value also applies to coarser levels. The middle stage uses
full attention."""


class HearShiftedKeys(HearKeys):
    """Attention of every time unit to `window` consecutive units, starting `shift` units later.

    window: in video frames. A unit is one video frame, or one step of the coarser time grid if that is longer; windows
    are then rounded up to whole units. All windows of a call have the same shift: the fraction ``(start + turn) % 1``
    of the clip, rounded down to whole units.
    """

    def __init__(
        self, channels: int, *, heads: int, own_rate: Fraction, other_rate: Fraction, window: int, start: float
    ):
        super().__init__(channels, heads=heads, own_rate=own_rate, other_rate=other_rate)
        frames = max(own_rate.denominator, other_rate.denominator)
        self.window = -(-window // frames)
        self.own_steps, self.other_steps = int(own_rate * frames), int(other_rate * frames)
        self.start = start

    def shift(self, units: int, *, turn: float) -> int:
        """Returns the shift of the windows, in units, for a clip of `units` units."""
        return int((self.start + turn) % 1.0 * units)

    def _queries(self, tokens: Float[Tensor, "b time positions e"]) -> Float[Tensor, "groups queries e"]:
        return rearrange(tokens, "b (units s) p e -> (b units) (s p) e", s=self.own_steps)

    def _heard(self, tokens: Float[Tensor, "b time positions e"], *, turn: float) -> Float[Tensor, "groups keys e"]:
        tokens = rearrange(tokens, "b (units s) p e -> b units (s p) e", s=self.other_steps)
        units = tokens.shape[1]
        window = min(self.window, units)
        turned = tokens.roll(-self.shift(units, turn=turn), dims=1)
        windows = torch.cat([turned, turned[:, : window - 1]], dim=1).unfold(1, window, 1)
        return rearrange(windows, "b units tokens e window -> (b units) (window tokens) e")
