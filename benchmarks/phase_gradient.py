"""Phases from the gradients of log-magnitudes, as a start of Griffin-Lim: phase gradient heap integration, PGHI
(Prusa, Balazs and Sondergaard 2017, "A noniterative method for reconstruction of phase from STFT magnitude").

For a Gaussian window the logarithm of the magnitude determines the derivatives of the phase. They are integrated from
the largest magnitude on, always onwards from the largest one reached. A Hann window is nearly Gaussian.
"""

import heapq

import numpy as np
import torch
from torch import Tensor

from cmmd.latents.waveform import GriffinLim

VARIANCE_OF_HANN = 0.25645 / (2 * np.pi)
"""Variance of the Gaussian that is nearest to a Hann window, by the square of its length (table 1 of the paper)."""
FAINTEST = 1e-4
"""Magnitudes below this share of the largest get random phases."""


class PhaseGradient(GriffinLim):
    """Griffin-Lim that starts from integrated phases."""

    def initial_phase(self, magnitude: Tensor, generator: torch.Generator) -> Tensor:
        random = super().initial_phase(magnitude, generator)
        phases = [
            integrated(one.double().numpy(), start.double().numpy(), **self.sizes)
            for one, start in zip(magnitude, random, strict=True)
        ]
        return torch.from_numpy(np.stack(phases)).to(magnitude)


def integrated(magnitude: np.ndarray, random: np.ndarray, *, fft_size: int, window: int, hop: int) -> np.ndarray:
    """Phases (bins, n) of magnitudes (bins, n), of frames whose first sample has phase zero. random: of faint bins, and
    of the bins where an integration starts."""
    variance = VARIANCE_OF_HANN * window**2
    logs = np.log(np.maximum(magnitude, FAINTEST * magnitude.max() + 1e-12))
    step = 2 * np.pi / fft_size
    over_bins, over_frames = np.gradient(logs, axis=0) / step, np.gradient(logs, axis=1) / hop
    in_time = hop * (step * np.arange(len(logs))[:, None] + over_bins / variance)  # radians from frame to frame
    in_frequency = -step * variance * over_frames  # radians from bin to bin, with phases of the middle of a frame

    phase, waiting = random.copy(), magnitude > FAINTEST * magnitude.max()
    order = np.argsort(-magnitude, axis=None)
    for start in order[: int(waiting.sum())]:
        first = np.unravel_index(start, magnitude.shape)
        if not waiting[first]:
            continue
        waiting[first] = False
        heap = [(-magnitude[first], int(first[0]), int(first[1]))]
        while heap:
            _, m, n = heapq.heappop(heap)
            for dm, dn, slope in ((1, 0, in_frequency), (-1, 0, in_frequency), (0, 1, in_time), (0, -1, in_time)):
                k, j = m + dm, n + dn
                if 0 <= k < waiting.shape[0] and 0 <= j < waiting.shape[1] and waiting[k, j]:
                    phase[k, j] = phase[m, n] + (dm + dn) * (slope[m, n] + slope[k, j]) / 2
                    waiting[k, j] = False
                    heapq.heappush(heap, (-magnitude[k, j], k, j))
    middle = np.pi * np.arange(len(logs))[:, None]  # from phases of the middle to those of the first sample
    return phase - middle
