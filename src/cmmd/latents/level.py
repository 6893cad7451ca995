"""The level of a sound as a network sees it, and the gain that brings it into the network's known range (ours:
decision 13).

A level in decibels does not describe the input of the network: a dense recording fills its log-mel, whereas a few clear
events leave most of it at the floor. Two figures describe it: the loudest moment, which is too low for a faint sound,
and the mean, which is too high for a dense one.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from cmmd.latents.spectrogram import LOG_FLOOR, LogMelCodec

Levels = tuple[float, float]
"""Smallest loudest moment and largest mean of a log-mel spectrogram, nepers. A moment is the mean of one column."""
LARGEST_GAIN = 40.0
"""Largest gain in dB: a sound that would need more is noise and remains faint."""
SMALLEST_GAIN = -80.0
HALVINGS = 20
"""Bisection steps of the gain interval: accurate to 0.0001 dB."""


def check_levels(levels: Sequence[float]) -> Levels:
    """Returns the levels as a tuple of floats.

    Raises ValueError unless they are two finite numbers above log(`LOG_FLOOR`).
    """
    if len(levels) != 2 or not all(isinstance(value, float | int) and math.isfinite(value) for value in levels):
        raise ValueError(f"levels are {levels!r:.60}, expected two finite numbers")
    faintest, densest = map(float, levels)
    if min(faintest, densest) <= math.log(LOG_FLOOR):
        raise ValueError(f"levels are {faintest:g} and {densest:g}, expected both above {math.log(LOG_FLOOR):.3f}")
    return faintest, densest


@torch.no_grad()
def gain_into(codec: LogMelCodec, waveform: Float[np.ndarray, " s"], levels: Levels) -> float:
    """Returns the factor that brings a waveform to known levels; 1 if it is there, and for silence.

    A sound whose loudest moment is too faint is amplified until it is loud enough, by at most `LARGEST_GAIN`. A sound
    whose mean is too high, before or after that, is attenuated until the mean is low enough.
    """
    mel = codec.mel(torch.from_numpy(waveform)[None])
    faintest, densest = levels
    factor = 1.0
    if mel.amax() > 0 and loudest_moment(mel) < faintest:
        factor = _solved(mel, loudest_moment, faintest, quietest=0.0, loudest=LARGEST_GAIN)
    if mean_level(factor * mel) > densest:
        factor = _solved(mel, mean_level, densest, quietest=SMALLEST_GAIN, loudest=20 * math.log10(factor))
    return factor


def loudest_moment(mel: Float[Tensor, "1 m n"]) -> float:
    """Returns the largest mean of a column of the log-mel, in nepers, for mel magnitudes."""
    return mel.clamp_min(LOG_FLOOR).log().mean(dim=1).max().item()


def mean_level(mel: Float[Tensor, "1 m n"]) -> float:
    """Returns the mean of the log-mel, in nepers, for mel magnitudes."""
    return mel.clamp_min(LOG_FLOOR).log().mean().item()


def _solved(
    mel: Float[Tensor, "1 m n"],
    figure: Callable[[Tensor], float],
    wanted: float,
    *,
    quietest: float,
    loudest: float,
) -> float:
    """Returns the factor between two gains (dB) with which `figure` is `wanted`, by bisection."""
    for _ in range(HALVINGS):
        middle = (quietest + loudest) / 2
        if figure(10 ** (middle / 20) * mel) < wanted:
            quietest = middle
        else:
            loudest = middle
    return 10 ** (loudest / 20)
