"""Raw log-mel frames: a Frechet distance of sound that needs no network (ours)."""

from typing import Literal

import numpy as np
import torch

from cmmd.clips.geometry import Geometry
from cmmd.evaluation.backbones.backbone import Embedding
from cmmd.latents.spectrogram import LOG_FLOOR, LogMelCodec


class LogMelFrames:
    """See `Backbone`: 64 numbers every 12.5 ms. Sensitive to loudness and timbre, not to temporal order."""

    name = "logmel"
    distance = "FD-logmel"
    discrepancy = "KD-logmel"
    modality: Literal["audio", "video"] = "audio"
    sample_rate = 16_000
    sha256 = ""
    preprocessing = f"16 kHz mono; Hann 512, hop 200, |FFT 1024|, 64 HTK mels of 40-8000 Hz, ln(max(mel, {LOG_FLOOR}))"
    windows = "every spectrogram frame (12.5 ms) by itself"
    classes = False

    def __init__(self) -> None:
        self.codec = LogMelCodec(Geometry())

    @torch.no_grad()
    def embed(self, clip: np.ndarray) -> Embedding:
        """Embeds a waveform (s,) at 16 kHz; an incomplete last hop is zero-padded."""
        hop = self.codec.geometry.hop
        sound = np.pad(np.asarray(clip, np.float32), (0, -len(clip) % hop))
        return Embedding(self.codec.encode(torch.from_numpy(sound)[None])[0, 0].T, None)
