"""The losses of the magnitude network: logarithms of magnitudes, and spectral convergence (Arik et al., arXiv
1808.06719)."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

LOWEST = 0.003
"""Magnitude added before the logarithm, so that what is quieter hardly counts: 73 dB below white noise of RMS 1, with a
window of 512."""
SILENT = 0.5
"""Norm added to that of a spectrogram, so that the convergence of silence stays small."""


class MagnitudeLosses(NamedTuple):
    """One value for each item. logarithm: mean absolute difference in nepers. convergence: norm of the difference over
    the norm of the true magnitudes."""

    logarithm: Float[Tensor, " b"]
    convergence: Float[Tensor, " b"]


def magnitude_losses(found: Float[Tensor, "b bins n"], true: Float[Tensor, "b bins n"]) -> MagnitudeLosses:
    """Returns the losses of estimated magnitudes, given by their logarithm `found`, for the true magnitudes `true`."""
    magnitude = found.exp()
    logarithm = ((magnitude + LOWEST).log() - (true + LOWEST).log()).abs().mean((1, 2))
    norms = torch.linalg.vector_norm(magnitude - true, dim=(1, 2)), torch.linalg.vector_norm(true, dim=(1, 2))
    return MagnitudeLosses(logarithm, norms[0] / (norms[1] + SILENT))
