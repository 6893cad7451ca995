"""Quiet noise under a decoded sound, because no recording is digitally silent (ours: decision 03).

Codecs with a floor decode everything below it to zeros. Listeners notice the gaps, and networks that embed sound place
them far from all recordings.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

LEVEL = -72.0
"""RMS in dB of full scale. The rooms of the world lie between -76 and -62 dB. The noise alone is silent by the gate of
EBU R 128, so that a silent take is not amplified to the loudness that a user asks for."""
CORNER = 100.0
"""Hz. The power is flat below, and falls by 3 dB per octave above."""
TAPS = 1023
"""Length of the filter in samples."""
BLOCK = 2**16
"""Samples filtered at a time; bounds the memory."""


def comfort_noise(
    samples: int, *, items: int = 1, sample_rate: int, generator: torch.Generator
) -> Float[Tensor, "b s"]:
    """Draws noise of `LEVEL` for `items` sounds of `samples` samples. A longer noise from the same generator state
    starts with a shorter one if there is one item."""
    response = torch.fft.rfft(_filter(sample_rate), BLOCK + TAPS - 1)
    past = torch.randn(items, TAPS - 1, generator=generator)
    pieces = []
    for _ in range(0, samples, BLOCK):
        white = torch.cat([past, torch.randn(items, BLOCK, generator=generator)], dim=1)
        past = white[:, BLOCK:]
        # Circular convolution is correct from the tap TAPS - 1 on.
        pieces.append(torch.fft.irfft(torch.fft.rfft(white) * response, BLOCK + TAPS - 1)[:, TAPS - 1 :])
    return torch.cat(pieces, dim=1)[:, :samples]


def _filter(sample_rate: int) -> Float[Tensor, " taps"]:
    """Impulse response of linear phase that turns white noise of variance 1 into the comfort noise."""
    frequencies = torch.fft.rfftfreq(TAPS, 1 / sample_rate)
    taps = torch.fft.fftshift(torch.fft.irfft(torch.rsqrt(1 + frequencies / CORNER), TAPS))
    return 10 ** (LEVEL / 20) * F.normalize(taps, dim=0)
