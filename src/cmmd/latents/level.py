"""The level of a sound as a network meets it, and the gain that brings it to where the network knows sounds (ours).

Decibels do not tell how a sound looks to a network: a dense recording fills its log-mel, where a few clear events leave
most of it on the floor. The mean of the log-mel tells both apart, and rises with any gain.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from cmmd.latents.spectrogram import LOG_FLOOR, LogMelCodec

Levels = tuple[float, float]
"""Lowest and highest mean of a log-mel spectrogram, nepers."""
LARGEST_GAIN = 40.0
"""dB: what would need more is noise, and stays faint."""
SMALLEST_GAIN = -80.0
HALVINGS = 20
"""Of the interval of gains: to 0.0001 dB."""


def check_levels(levels: Sequence[float]) -> Levels:
    """Raises ValueError for what are no levels."""
    if len(levels) != 2 or not all(isinstance(value, float | int) and math.isfinite(value) for value in levels):
        raise ValueError(f"levels are {levels!r:.60}, expected two finite numbers")
    lowest, highest = map(float, levels)
    if not math.log(LOG_FLOOR) <= lowest < highest:
        raise ValueError(f"levels are {lowest:g} and {highest:g}, expected them to rise from {math.log(LOG_FLOOR):.3f}")
    return lowest, highest


@torch.no_grad()
def gain_into(codec: LogMelCodec, waveform: Float[np.ndarray, " s"], levels: Levels) -> float:
    """The factor with which the mean of a waveform's log-mel lies within `levels`: the one nearest to 1. Silence stays
    silence."""
    mel = codec.mel(torch.from_numpy(waveform)[None])
    lowest, highest = levels
    if mean_level(mel) < lowest:
        return _solved(mel, lowest, quietest=0.0, loudest=LARGEST_GAIN) if mel.amax() > 0 else 1.0
    return _solved(mel, highest, quietest=SMALLEST_GAIN, loudest=0.0) if mean_level(mel) > highest else 1.0


def mean_level(mel: Float[Tensor, "1 m n"]) -> float:
    """Mean of the log-mel, nepers."""
    return mel.clamp_min(LOG_FLOOR).log().mean().item()


def _solved(mel: Float[Tensor, "1 m n"], level: float, *, quietest: float, loudest: float) -> float:
    for _ in range(HALVINGS):
        middle = (quietest + loudest) / 2
        if mean_level(10 ** (middle / 20) * mel) < level:
            quietest = middle
        else:
            loudest = middle
    return 10 ** (loudest / 20)
