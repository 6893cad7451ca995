"""Log-mel patches as the AudioSet networks read them (YAMNet and VGGish: tensorflow/models, research/audioset)."""

from functools import cache

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

SAMPLE_RATE = 16_000
WINDOW, HOP, FFT_SIZE = 400, 160, 512
MELS, LOWEST_HZ, HIGHEST_HZ = 64, 125.0, 7500.0
PATCH_FRAMES = 96
PATCH_SAMPLES = WINDOW + (PATCH_FRAMES - 1) * HOP


def mel_patches(waveform: Float[np.ndarray, " s"], *, offset: float, hop: int) -> Float[Tensor, "patches frames mels"]:
    """ln(mel + offset) in patches of 96 frames (0.975 s) every `hop` frames; a shorter sound is zero-padded to one."""
    sound = np.pad(np.asarray(waveform, np.float32), (0, max(0, PATCH_SAMPLES - len(waveform))))
    pieces = torch.from_numpy(sound).unfold(0, WINDOW, HOP)
    magnitude = torch.fft.rfft(pieces * torch.hann_window(WINDOW), FFT_SIZE).abs()
    log_mel = (magnitude @ _filters() + offset).log()
    return log_mel.unfold(0, PATCH_FRAMES, hop).transpose(1, 2).contiguous()


@cache
def _filters() -> Float[Tensor, "bins mels"]:
    """Triangular filters of height one on the HTK mel scale. As in TensorFlow, slopes are linear in mel, not in Hz."""

    def to_mel(hertz: Tensor) -> Tensor:
        return 1127.0 * torch.log1p(hertz / 700.0)

    lowest, highest = to_mel(torch.tensor([LOWEST_HZ, HIGHEST_HZ], dtype=torch.float64)).tolist()
    edges = torch.linspace(lowest, highest, MELS + 2, dtype=torch.float64)
    bins = to_mel(torch.linspace(0, SAMPLE_RATE / 2, FFT_SIZE // 2 + 1, dtype=torch.float64))[:, None]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    filters = torch.minimum(rising, falling).clamp_min(0)
    filters[0] = 0  # excludes the inaudible DC bin
    return filters.float()
