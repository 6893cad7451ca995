"""The level of a sound as the mean of its log-mel, and the gain that brings it into a network's known range (ours).

A level in decibels does not describe the input of the network: a dense recording fills its log-mel, whereas a few clear
events leave most of it at the floor. The mean of the log-mel distinguishes the two, and increases with the gain.
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
"""Largest gain in dB: a sound that would need more is noise and remains faint."""
SMALLEST_GAIN = -80.0
HALVINGS = 20
"""Bisection steps of the gain interval: accurate to 0.0001 dB."""


def check_levels(levels: Sequence[float]) -> Levels:
    """Returns the levels as a tuple of floats.

    Raises ValueError unless they are two finite numbers that rise and are not below log(`LOG_FLOOR`).
    """
    if len(levels) != 2 or not all(isinstance(value, float | int) and math.isfinite(value) for value in levels):
        raise ValueError(f"levels are {levels!r:.60}, expected two finite numbers")
    lowest, highest = map(float, levels)
    if not math.log(LOG_FLOOR) <= lowest < highest:
        raise ValueError(f"levels are {lowest:g} and {highest:g}, expected them to rise from {math.log(LOG_FLOOR):.3f}")
    return lowest, highest


@torch.no_grad()
def gain_into(codec: LogMelCodec, waveform: Float[np.ndarray, " s"], levels: Levels) -> float:
    """Returns the factor nearest to 1 that brings the mean of a waveform's log-mel into `levels`.

    The gain is limited to `SMALLEST_GAIN` .. `LARGEST_GAIN`. For silence the factor is 1.
    """
    mel = codec.mel(torch.from_numpy(waveform)[None])
    lowest, highest = levels
    if mean_level(mel) < lowest:
        return _solved(mel, lowest, quietest=0.0, loudest=LARGEST_GAIN) if mel.amax() > 0 else 1.0
    return _solved(mel, highest, quietest=SMALLEST_GAIN, loudest=0.0) if mean_level(mel) > highest else 1.0


def mean_level(mel: Float[Tensor, "1 m n"]) -> float:
    """Returns the mean of the log-mel, in nepers, for mel magnitudes."""
    return mel.clamp_min(LOG_FLOOR).log().mean().item()


def _solved(mel: Float[Tensor, "1 m n"], level: float, *, quietest: float, loudest: float) -> float:
    for _ in range(HALVINGS):
        middle = (quietest + loudest) / 2
        if mean_level(10 ** (middle / 20) * mel) < level:
            quietest = middle
        else:
            loudest = middle
    return 10 ** (loudest / 20)
