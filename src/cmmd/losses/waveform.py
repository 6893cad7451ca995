"""The vocoder's losses of a waveform: spectra at several resolutions (Yamamoto et al., arXiv 1910.11480) and their mel.

Each term is a mean over the resolutions.
"""

from functools import cache
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from cmmd.latents.spectrogram import mel_filters

RESOLUTIONS = ((128, 32), (256, 64), (512, 128), (1024, 256), (2048, 512))
"""Window and hop in samples."""
LOWEST = 2e-4
"""Magnitude added before the logarithm, so that what is quieter hardly counts: 74 dB below white noise of RMS 1."""
SILENT = 0.01
"""Norm added to that of a spectrogram, so that the convergence of silence stays small."""
BANDS = 80
"""Largest number of mel bands."""


class WaveformLosses(NamedTuple):
    """One value for each item. logarithm, mel: mean absolute difference of the log magnitudes in nepers. convergence:
    norm of the difference over the norm of the true magnitudes."""

    logarithm: Float[Tensor, " b"]
    convergence: Float[Tensor, " b"]
    mel: Float[Tensor, " b"]


def waveform_losses(found: Float[Tensor, "b s"], true: Float[Tensor, "b s"], *, sample_rate: int) -> WaveformLosses:
    """Returns the losses of generated waveforms."""
    rows = []
    for window, hop in RESOLUTIONS:
        a, b = (magnitudes(waveform, window=window, hop=hop) for waveform in (found, true))
        filters = _filters(window, sample_rate).to(a)
        norms = torch.linalg.vector_norm(a - b, dim=(1, 2)), torch.linalg.vector_norm(b, dim=(1, 2))
        rows.append(
            torch.stack([_logarithms(a, b), norms[0] / (norms[1] + SILENT), _logarithms(filters @ a, filters @ b)])
        )
    return WaveformLosses(*torch.stack(rows).mean(0))


def magnitudes(waveform: Float[Tensor, "b s"], *, window: int, hop: int) -> Float[Tensor, "b bins n"]:
    """STFT magnitudes, about 1 for white noise of RMS 1. Their gradient is finite in silence."""
    hann = torch.hann_window(window, device=waveform.device)
    padded = F.pad(waveform, (window // 2, window // 2))
    spectrum = torch.stft(padded, window, hop, window=hann, center=False, return_complex=True)
    return (torch.view_as_real(spectrum).square().sum(-1) / (0.375 * window) + 1e-12).sqrt()


def _logarithms(found: Float[Tensor, "b m n"], true: Float[Tensor, "b m n"]) -> Float[Tensor, " b"]:
    return ((found + LOWEST).log() - (true + LOWEST).log()).abs().mean((1, 2))


@cache
def _filters(window: int, sample_rate: int) -> Float[Tensor, "m bins"]:
    return mel_filters(min(BANDS, window // 8), window, sample_rate)
