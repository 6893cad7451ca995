"""Waveforms from magnitudes: STFT and inverse, fast Griffin-Lim, interface of vocoders (ours: decision 03)."""

import math
from collections.abc import Callable
from typing import Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from jaxtyping import Complex, Float
from torch import Tensor

BLOCK = 512
"""Spectrogram frames per block of Griffin-Lim (6.4 s at 10 fps); bounds its memory."""


@runtime_checkable
class Vocoder(Protocol):
    """Interface of vocoders: log-mel `(b, m, n)` to waveform `(b, n * hop)`. Random values come from the generator."""

    def __call__(self, log_mel: Tensor, *, generator: torch.Generator | None = None) -> Tensor: ...


def stft(waveform: Float[Tensor, "b s"], *, fft_size: int, window: int, hop: int) -> Complex[Tensor, "b bins n"]:
    """STFT of s / hop frames; frame k is centred on (k + 1/2) hop. Raises ValueError if hop does not divide s."""
    if waveform.shape[-1] % hop:
        raise ValueError(f"waveform has {waveform.shape[-1]} samples, expected a multiple of the hop {hop}")
    margin = (fft_size - hop) // 2
    padded = F.pad(waveform, (margin, fft_size - hop - margin))
    hann = torch.hann_window(window, dtype=waveform.dtype, device=waveform.device)
    return torch.stft(padded, fft_size, hop, window, hann, center=False, return_complex=True)


def istft(spectrum: Complex[Tensor, "b bins n"], *, fft_size: int, window: int, hop: int) -> Float[Tensor, "b s"]:
    """Least-squares inverse of `stft` (Griffin and Lim 1984, equation 6), s = n * hop."""
    n = spectrum.shape[-1]
    margin = (fft_size - hop) // 2
    hann = torch.hann_window(window, dtype=spectrum.real.dtype, device=spectrum.device)
    hann = F.pad(hann, ((fft_size - window) // 2, fft_size - window - (fft_size - window) // 2))
    length = (n - 1) * hop + fft_size

    def overlap_add(frames: Tensor) -> Tensor:
        return F.fold(frames, (1, length), (1, fft_size), stride=(1, hop))[:, 0, 0]

    frames = torch.fft.irfft(spectrum, fft_size, dim=1) * hann[None, :, None]
    envelope = overlap_add((hann**2)[None, :, None].expand(1, -1, n))
    waveform = overlap_add(frames) / envelope.clamp_min(1e-4)
    return waveform[:, margin : margin + n * hop]


class GriffinLim:
    """Fast Griffin-Lim (Perraudin, Balazs and Sondergaard 2013): estimates phases for a magnitude spectrogram."""

    def __init__(self, *, fft_size: int, window: int, hop: int, iterations: int = 32, momentum: float = 0.99) -> None:
        self.sizes = {"fft_size": fft_size, "window": window, "hop": hop}
        self.iterations = iterations
        self.momentum = momentum

    def __call__(
        self, magnitude: Float[Tensor, "b bins n"], *, generator: torch.Generator | None = None
    ) -> Float[Tensor, "b s"]:
        """Converts magnitudes to a waveform. Initial phases are drawn from `generator`, or without one from seed 0."""
        return istft(self.spectrum(magnitude, generator=generator), **self.sizes)

    def spectrum(
        self,
        magnitude: Float[Tensor, "b bins n"],
        *,
        held: Complex[Tensor, "b bins k"] | None = None,
        generator: torch.Generator | None = None,
    ) -> Complex[Tensor, "b bins n"]:
        """Returns the magnitudes with estimated phases.

        held: complex values of the first k frames, which stay fixed while the other frames are fitted to them.
        """
        phase = self.initial_phase(magnitude, generator or torch.Generator().manual_seed(0))
        spectrum = _holding(torch.polar(magnitude, phase), held)
        previous = torch.zeros_like(spectrum)
        for _ in range(self.iterations):
            consistent = stft(istft(spectrum, **self.sizes), **self.sizes)
            accelerated = consistent + self.momentum * (consistent - previous)
            spectrum = _holding(torch.polar(magnitude, accelerated.angle()), held)
            previous = consistent
        return spectrum

    def initial_phase(
        self, magnitude: Float[Tensor, "b bins n"], generator: torch.Generator
    ) -> Float[Tensor, "b bins n"]:
        """Draws the phases that the iterations start from, in radians."""
        return torch.rand(magnitude.shape, generator=generator).to(magnitude) * 2 * torch.pi

    def in_blocks(
        self,
        magnitude: Callable[[slice], Float[Tensor, "b bins k"]],
        frames: int,
        *,
        block: int = BLOCK,
        generator: torch.Generator | None = None,
    ) -> Float[Tensor, "b s"]:
        """Generates a waveform of any length block by block, in bounded memory.

        `magnitude` returns the magnitudes of a slice of the `frames`. Each block starts with the last frames of the
        previous block, held fixed. The seam is in the middle of this overlap, where all frames that a sample depends on
        are equal in both blocks, so the waveform is continuous.
        """
        hop = self.sizes["hop"]
        reach = math.ceil(self.sizes["window"] / hop)
        pieces: list[Tensor] = []
        spectrum = None
        for start in range(0, frames, block):
            held = spectrum[..., -2 * reach :] if spectrum is not None else None
            known = 0 if held is None else held.shape[-1]
            stretch = magnitude(slice(start - known, min(start + block, frames)))
            spectrum = self.spectrum(stretch, held=held, generator=generator)
            waveform = istft(spectrum, **self.sizes)
            if pieces:
                seam = known // 2 * hop
                pieces[-1] = pieces[-1][:, : pieces[-1].shape[-1] - (known - known // 2) * hop]
                waveform = waveform[:, seam:]
            pieces.append(waveform)
        return torch.cat(pieces, dim=-1)


def _holding(spectrum: Tensor, held: Tensor | None) -> Tensor:
    return spectrum if held is None else torch.cat([held, spectrum[..., held.shape[-1] :]], dim=-1)
