"""YAMNet (Google, AudioSet): 27 convolutions, a 1024-d embedding and 521 classes every 0.48 s.

The weights are a state dict with the batch norms folded in: `layers.N.weight`, `layers.N.bias`, `fc.weight`, `fc.bias`,
and the vectors `stride` and `groups`.
"""

from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from cmmd.evaluation.backbones.audioset_mel import SAMPLE_RATE, mel_patches
from cmmd.evaluation.backbones.backbone import Embedding, sha256_of
from cmmd.evaluation.backbones.same_padding import same_convolution
from cmmd.evaluation.backbones.state_dict import read_state_dict

LAYERS = 27
PATCH_HOP = 48


class YAMNet:
    """YAMNet from a weights file; see `Backbone`. Classes of a clip: softmax of the mean logits over all windows.

    Raises InputError if the file cannot be read or lacks a tensor.
    """

    name = "YAMNet"
    distance = "FAD-YAMNet"
    discrepancy = "KD-YAMNet"
    modality: Literal["audio", "video"] = "audio"
    sample_rate = SAMPLE_RATE
    preprocessing = "16 kHz mono; Hann 400, hop 160, |FFT 512|, 64 HTK mels of 125-7500 Hz, ln(mel + 0.001)"
    windows = "96 frames (0.975 s) every 48 (0.48 s); a rest is left out, a shorter clip filled with silence"
    classes = True

    def __init__(self, path: Path) -> None:
        names = [f"layers.{index}.{part}" for index in range(LAYERS) for part in ("weight", "bias")]
        self.state = read_state_dict(path, expected=[*names, "fc.weight", "fc.bias", "stride", "groups"])
        self.sha256 = sha256_of([path])

    @torch.no_grad()
    def embed(self, clip: np.ndarray) -> Embedding:
        """Embeds a waveform (s,) at 16 kHz."""
        vectors = self._vectors(mel_patches(clip, offset=0.001, hop=PATCH_HOP))
        return Embedding(vectors, self._logits(vectors).mean(0).softmax(0))

    @torch.no_grad()
    def scores(self, clip: np.ndarray) -> Float[Tensor, "windows classes"]:
        """Independent sigmoid score of each class, 0 to 1, as the network was trained."""
        return self._logits(self._vectors(mel_patches(clip, offset=0.001, hop=PATCH_HOP))).sigmoid()

    def _vectors(self, patches: Float[Tensor, "b frames mels"]) -> Float[Tensor, "b 1024"]:
        x = patches[:, None]
        for index in range(LAYERS):
            weight, bias = self.state[f"layers.{index}.weight"], self.state[f"layers.{index}.bias"]
            stride, groups = int(self.state["stride"][index]), int(self.state["groups"][index])
            x = same_convolution(x, weight, bias, stride=stride, groups=groups).relu()
        return x.mean((2, 3))

    def _logits(self, vectors: Tensor) -> Tensor:
        return torch.nn.functional.linear(vectors, self.state["fc.weight"], self.state["fc.bias"])
