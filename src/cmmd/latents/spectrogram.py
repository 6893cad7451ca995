"""Spectrogram codecs: log-mel by default, and a compressed complex STFT (ours: decision 03).

Spectrogram frame k is centred on the middle of samples [k hop, (k+1) hop), so that n frames correspond to exactly n
hops, and no frame is centred beyond the end of a clip.
"""

import math
from typing import Literal, Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from cmmd.clips.geometry import Geometry
from cmmd.latents.comfort_noise import comfort_noise
from cmmd.latents.waveform import GriffinLim, Vocoder, istft, stft

CodecName = Literal["log_mel", "complex_stft"]

LOG_FLOOR = 0.015
"""Mel magnitudes below this count as silence. It is about 74 dB below a full-scale sine. Room noise is below it: a
model that had to generate room noise would spend most of its loss on inaudible content (decision 03)."""
SQUELCH = 0.8
"""Nepers. An estimator sees bands up to this far above the floor as at the floor: 40 to 55 % of the values of generated
log-mel lie between, where 5 to 6 % of those of true log-mel do."""
LARGEST = math.log(1e3)
"""Largest log-mel value that is decoded, against overflow. A full-scale sine is below."""
WINDOW = 512


def overlapping_window(hop: int) -> int:
    """Returns `WINDOW` samples, doubled until they span two hops: with less overlap the STFT cannot be inverted."""
    window = WINDOW
    while window < 2 * hop:
        window *= 2
    return window


@runtime_checkable
class SpectrogramCodec(Protocol):
    """The interface of all codecs. `channels` and `bins` are the c and m of the spectrograms."""

    geometry: Geometry
    channels: int
    bins: int

    def encode(self, waveform: Float[Tensor, "b s"]) -> Float[Tensor, "b c m n"]: ...

    def decode(
        self, spectrogram: Float[Tensor, "b c m n"], *, generator: torch.Generator | None = None
    ) -> Float[Tensor, "b s"]: ...


@runtime_checkable
class MagnitudeEstimator(Protocol):
    """The interface of networks that estimate STFT magnitudes. A frame depends on `reach` frames to either side."""

    @property
    def reach(self) -> int: ...

    def estimate(self, log_mel: Float[Tensor, "b m n"]) -> Float[Tensor, "b bins n"]:
        """Returns magnitudes, float32 on the device of the log-mel."""
        ...


class LogMelCodec(nn.Module):
    """Natural logarithm of a mel magnitude spectrogram, `(b, 1, m, n)`. Griffin-Lim or a vocoder generates the phase.

    window: samples of the analysis window. The default is 512, or more for hops so long that windows of 512 would not
    overlap by half. 512 at 16 kHz is a compromise between the sharpness of onsets and the resolution of bass. vocoder:
    converts the log-mel itself to a waveform. estimator: estimates the magnitudes for Griffin-Lim; without one they are
    those of least squares. noise: whether comfort noise is added where Griffin-Lim decodes.
    """

    channels = 1

    def __init__(
        self,
        geometry: Geometry,
        *,
        window: int | None = None,
        vocoder: Vocoder | None = None,
        estimator: MagnitudeEstimator | None = None,
        noise: bool = True,
    ) -> None:
        super().__init__()
        window = overlapping_window(geometry.hop) if window is None else window
        self.geometry = geometry
        self.bins = geometry.mels
        self.fft_size = max(2 * WINDOW, window)
        self.window_size = window
        filters = mel_filters(geometry.mels, self.fft_size, geometry.sample_rate)
        self.register_buffer("filters", filters, persistent=False)
        self.register_buffer("inverse_filters", torch.linalg.pinv(filters), persistent=False)
        self.vocoder = vocoder or GriffinLim(fft_size=self.fft_size, window=window, hop=geometry.hop)
        self.estimator = estimator
        self.noise = noise
        self.filters: Tensor
        self.inverse_filters: Tensor

    def encode(self, waveform: Float[Tensor, "b s"]) -> Float[Tensor, "b 1 m n"]:
        """Converts a waveform to log-mel of s / hop frames.

        Raises ValueError for a waveform that is not a whole number of hops.
        """
        return self.mel(waveform).clamp_min(LOG_FLOOR).log().unsqueeze(1)

    def mel(self, waveform: Float[Tensor, "b s"]) -> Float[Tensor, "b m n"]:
        """Returns mel magnitudes, which are proportional to the amplitude of the waveform."""
        return self.filters @ self.magnitude(waveform)

    def magnitude(self, waveform: Float[Tensor, "b s"]) -> Float[Tensor, "b bins n"]:
        """Returns the magnitudes of the STFT on which the mel filters act."""
        return stft(waveform, fft_size=self.fft_size, window=self.window_size, hop=self.geometry.hop).abs()

    def decode(
        self, spectrogram: Float[Tensor, "b 1 m n"], *, generator: torch.Generator | None = None
    ) -> Float[Tensor, "b s"]:
        """Converts log-mel to a waveform of n * hop samples.

        A vocoder gets the log-mel as it is, and the generator. Otherwise the generator (without one, seed 0) draws
        Griffin-Lim's initial phases and then the comfort noise under the waveform.
        """
        log_mel = spectrogram.squeeze(1)
        if not isinstance(self.vocoder, GriffinLim):
            return self.vocoder(log_mel, generator=generator)
        generator = generator or torch.Generator().manual_seed(0)
        magnitude = self._inverted if self.estimator is None else self._estimated
        waveform = self.vocoder.in_blocks(
            lambda stretch: magnitude(log_mel, stretch), log_mel.shape[-1], generator=generator
        )
        if not self.noise:
            return waveform
        sizes = {"items": len(waveform), "sample_rate": self.geometry.sample_rate}
        return waveform + comfort_noise(waveform.shape[-1], **sizes, generator=generator).to(waveform)

    def _inverted(self, log_mel: Float[Tensor, "b m n"], stretch: slice) -> Float[Tensor, "b bins k"]:
        """Magnitudes of a stretch by least squares. The floor represents silence: without the subtraction every quiet
        bin would hiss at the floor's level."""
        mel = (log_mel[..., stretch].clamp(max=LARGEST).exp() - LOG_FLOOR).clamp_min(0)
        return self._linear_magnitude(mel)

    def _estimated(self, log_mel: Float[Tensor, "b m n"], stretch: slice) -> Float[Tensor, "b bins k"]:
        """Magnitudes of a stretch by the estimator, which sees all frames that they depend on."""
        assert self.estimator is not None
        first = max(0, stretch.start - self.estimator.reach)
        seen = squelched(log_mel[..., first : stretch.stop + self.estimator.reach])
        own = slice(stretch.start - first, stretch.stop - first)
        return self._consistent(self.estimator.estimate(seen)[..., own], seen[..., own])

    def _consistent(
        self, magnitude: Float[Tensor, "b bins n"], log_mel: Float[Tensor, "b m n"], *, iterations: int = 5
    ) -> Float[Tensor, "b bins n"]:
        """Scales magnitudes, by multiplicative updates, until their mel is the given one minus the floor, as it is with
        least squares. Bands at the floor are only scaled down to it: what lies below is the estimator's."""
        quiet = log_mel <= math.log(LOG_FLOOR) + 1e-3
        mel = torch.where(quiet, LOG_FLOOR, (log_mel.exp() - LOG_FLOOR).clamp_min(0))
        weight = self.filters.sum(0)[:, None]
        for _ in range(iterations):
            ratio = mel / (self.filters @ magnitude).clamp_min(1e-8)
            ratio = torch.where(quiet, ratio.clamp(max=1), ratio)
            scale = (self.filters.T @ ratio) / weight.clamp_min(1e-6)
            magnitude = magnitude * torch.where(weight > 1e-5, scale, 1.0)
        return magnitude

    def _linear_magnitude(self, mel: Float[Tensor, "b m n"], *, iterations: int = 30) -> Float[Tensor, "b bins n"]:
        """Inverts the mel filters by non-negative least squares.

        Multiplicative updates (Lee and Seung 2001) start from a clamped pseudo-inverse.
        """
        magnitude = (self.inverse_filters @ mel).clamp_min(1e-6)
        numerator = self.filters.T @ mel
        gram = self.filters.T @ self.filters
        for _ in range(iterations):
            magnitude = magnitude * numerator / (gram @ magnitude).clamp_min(1e-9)
        return magnitude


class ComplexSTFTCodec(nn.Module):
    """Complex STFT with compressed magnitude, `(b, 2, m, n)`: retains the phase and needs no vocoder.

    |S| becomes |S|^power, which makes faint components visible to a model. The zero-frequency bin is dropped, so that
    the number of bins is a power of two. Raises ValueError for an fft_size below twice the hop.
    """

    channels = 2

    def __init__(self, geometry: Geometry, *, fft_size: int | None = None, power: float = 0.4) -> None:
        super().__init__()
        fft_size = overlapping_window(geometry.hop) if fft_size is None else fft_size
        if fft_size < 2 * geometry.hop:
            raise ValueError(
                f"fft_size {fft_size} is below twice the hop {geometry.hop}: the STFT could not be inverted"
            )
        self.geometry = geometry
        self.fft_size = fft_size
        self.bins = fft_size // 2
        self.power = power

    def encode(self, waveform: Float[Tensor, "b s"]) -> Float[Tensor, "b 2 m n"]:
        """Converts a waveform to the real and imaginary parts of the compressed STFT, with s / hop frames.

        Raises ValueError for a waveform that is not a whole number of hops.
        """
        spectrum = stft(waveform, fft_size=self.fft_size, window=self.fft_size, hop=self.geometry.hop)[:, 1:]
        compressed = torch.polar(spectrum.abs() ** self.power, spectrum.angle())
        return torch.stack([compressed.real, compressed.imag], dim=1)

    def decode(
        self, spectrogram: Float[Tensor, "b 2 m n"], *, generator: torch.Generator | None = None
    ) -> Float[Tensor, "b s"]:
        """Converts a compressed STFT to a waveform of n * hop samples. The generator is not used."""
        compressed = torch.complex(spectrogram[:, 0].contiguous(), spectrogram[:, 1].contiguous())
        spectrum = torch.polar(compressed.abs() ** (1 / self.power), compressed.angle())
        spectrum = F.pad(spectrum, (0, 0, 1, 0))
        return istft(spectrum, fft_size=self.fft_size, window=self.fft_size, hop=self.geometry.hop)


def squelched(log_mel: Tensor, height: float = SQUELCH) -> Tensor:
    """Returns the log-mel with the floor wherever it is less than `height` above, and at most `LARGEST`."""
    floor = math.log(LOG_FLOOR)
    return torch.where(log_mel < floor + height, floor, log_mel.clamp(max=LARGEST))


def spectrogram_codec(name: CodecName, geometry: Geometry) -> LogMelCodec | ComplexSTFTCodec:
    """Builds the codec that a saved pipeline names. Raises ValueError for an unknown name."""
    if name == "log_mel":
        return LogMelCodec(geometry)
    if name == "complex_stft":
        return ComplexSTFTCodec(geometry)
    raise ValueError(f"spectrogram codec is {name!r}, expected 'log_mel' or 'complex_stft'")


def mel_filters(
    mels: int, fft_size: int, sample_rate: int, *, lowest: float = 40.0, normalised: bool = True
) -> Float[Tensor, "m bins"]:
    """Triangular filters on the HTK mel scale between `lowest` Hz and the Nyquist frequency.

    Each filter is normalised to a sum of one, or, with `normalised` False, its triangle has a height of one. A triangle
    between two bins would be empty; its filter has the nearest bin instead.
    """

    def to_mel(hertz: float) -> float:
        return 2595.0 * math.log10(1.0 + hertz / 700.0)

    edges_mel = torch.linspace(to_mel(lowest), to_mel(sample_rate / 2), mels + 2, dtype=torch.float64)
    edges = 700.0 * (10.0 ** (edges_mel / 2595.0) - 1.0)
    bins = torch.linspace(0, sample_rate / 2, fft_size // 2 + 1, dtype=torch.float64)
    rising = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    filters = torch.minimum(rising, falling).clamp_min(0)
    # Without indexing by a mask, so that models with such filters can be built on the meta device.
    empty = filters.sum(1, keepdim=True) == 0
    nearest = (bins - edges[1:-1, None]).abs().argmin(1, keepdim=True)
    filters = torch.where(empty & (torch.arange(len(bins)) == nearest), 1.0, filters)
    return (filters / filters.sum(1, keepdim=True) if normalised else filters).float()
