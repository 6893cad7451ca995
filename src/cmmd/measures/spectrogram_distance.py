"""Spectrogram distance of a sound to its reference, frame by frame, for sound that should equal the reference.

L1 and L2 of log-mel frames, and the spectral convergence of vocoder work (Arik et al., arXiv 1808.06719) at three
resolutions (Yamamoto et al., arXiv 1910.11480). A sound with the right timing but another timbre has a large distance;
`alignment.py` measures timing alone.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from cmmd.clips.geometry import Geometry
from cmmd.latents.spectrogram import LogMelCodec

RESOLUTIONS = ((512, 128), (1024, 256), (2048, 512))  # FFT size and hop, samples
SILENT = 1e-3
"""RMS magnitude of a reference's spectrogram below which the convergence is nan."""


@dataclass(frozen=True, slots=True)
class SpectrogramDistance:
    """l1, l2: mean absolute and root mean square difference of log-mel (nepers). convergence: norm of the difference of
    magnitudes over the norm of the reference's, averaged over `RESOLUTIONS`; nan for a silent reference."""

    l1: float
    l2: float
    convergence: float


class SpectrogramDistances:
    """Distances of sounds at the rate of `geometry` (default: 16 kHz). The longer sound is cut to the shorter."""

    def __init__(self, geometry: Geometry | None = None) -> None:
        self.codec = LogMelCodec(geometry or Geometry())

    @torch.no_grad()
    def __call__(self, found: Float[np.ndarray, " s"], true: Float[np.ndarray, " r"]) -> SpectrogramDistance:
        """Returns the distances of `found` to the reference `true`. Raises ValueError if either is below one hop."""
        hop = self.codec.geometry.hop
        length = min(len(found), len(true)) // hop * hop
        if length == 0:
            raise ValueError(f"sounds of {len(found)} and {len(true)} samples, expected {hop} or more")
        sounds = torch.from_numpy(np.stack([found[:length], true[:length]]).astype(np.float32))
        log_mel = self.codec.encode(sounds)
        difference = log_mel[0] - log_mel[1]
        parts = [_convergence(sounds, fft_size, step) for fft_size, step in RESOLUTIONS]
        return SpectrogramDistance(
            l1=difference.abs().mean().item(),
            l2=difference.square().mean().sqrt().item(),
            convergence=float(np.mean(parts)),
        )


def _convergence(sounds: Float[Tensor, "2 s"], fft_size: int, hop: int) -> float:
    short = max(0, fft_size // 2 + 1 - sounds.shape[1])  # reflect padding needs more samples than it adds
    sounds = torch.nn.functional.pad(sounds, (0, short))
    magnitude = torch.stft(sounds, fft_size, hop, window=torch.hann_window(fft_size), return_complex=True).abs()
    norm = magnitude[1].norm()
    if norm < SILENT * magnitude[1].numel() ** 0.5:
        return float("nan")
    return ((magnitude[0] - magnitude[1]).norm() / norm).item()
