"""Distances of sets of frames to true ones, without a network, separately for sound and pictures (ours).

They are Frechet distances: a set that is too uniform is penalised like a set with a wrong mean. They contain no
information about timing.
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from cmmd.clips.geometry import Geometry
from cmmd.latents.spectrogram import LogMelCodec
from cmmd.measures.frechet import frechet_distance

FIELDS = 8
"""Number of fields across and down a picture."""


def spectrum_distance(found: Sequence[Float[np.ndarray, " s"]], true: Sequence[Float[np.ndarray, " r"]]) -> float:
    """Distance of log-mel frames, each a vector of 64 bins (nepers). found, true: sounds at 16 kHz."""
    codec = LogMelCodec(Geometry())

    def frames(waveforms: Sequence[np.ndarray]) -> Tensor:
        return torch.cat([codec.encode(torch.from_numpy(waveform)[None])[0, 0].T for waveform in waveforms])

    return frechet_distance(frames(found), frames(true))


def picture_distance(
    found: Sequence[UInt8[np.ndarray, "f h w 3"]], true: Sequence[UInt8[np.ndarray, "g h w 3"]]
) -> float:
    """Distance of pictures, each a vector of the mean colours (per cent) of 8 x 8 fields."""

    def vectors(takes: Sequence[np.ndarray]) -> Tensor:
        fields = (
            torch.nn.functional.adaptive_avg_pool2d(torch.from_numpy(take).permute(0, 3, 1, 2) / 2.55, FIELDS)
            for take in takes
        )
        return torch.cat([field.flatten(1) for field in fields])

    return frechet_distance(vectors(found), vectors(true))
