"""Third-party networks saved as TorchScript: I3D for FVD and KVD, VGGish and PANNs for FAD.

I3D has the interface of StyleGAN-V's file (arXiv 2112.14683): it takes clips in [-1, 1] at 224 pixels and returns
logits. VGGish takes log-mel patches (Hershey et al., arXiv 1609.09430), PANNs waveforms at 32 kHz (Kong et al., arXiv
1912.10211).
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from cmmd.errors import InputError
from cmmd.evaluation.backbones.audioset_mel import mel_patches
from cmmd.evaluation.backbones.backbone import Embedding, sha256_of
from cmmd.evaluation.backbones.mobilenet_v2 import pictures

I3D_FRAMES, I3D_FEWEST = 16, 9
PANNS_RATE = 32_000


@dataclass(frozen=True, kw_only=True, slots=True)
class ScriptKind:
    """Input format and names of one network; the fields are those of `Backbone`."""

    name: str
    distance: str
    discrepancy: str
    modality: Literal["audio", "video"]
    sample_rate: int
    preprocessing: str
    windows: str
    classes: bool


KINDS = {
    kind.name: kind
    for kind in (
        ScriptKind(
            name="I3D",
            distance="FVD",
            discrepancy="KVD",
            modality="video",
            sample_rate=0,
            preprocessing="frames as read, bilinear to 224 px with antialiasing, RGB in [-1, 1], (1, 3, f, 224, 224)",
            windows="16 frames every 16, a rest is left out; a clip of 9 to 15 frames as it is",
            classes=True,
        ),
        ScriptKind(
            name="VGGish",
            distance="FAD-VGGish",
            discrepancy="KD-VGGish",
            modality="audio",
            sample_rate=16_000,
            preprocessing="16 kHz mono; Hann 400, hop 160, |FFT 512|, 64 HTK mels of 125-7500 Hz, ln(mel + 0.01)",
            windows="96 frames (0.975 s) every 48 (0.48 s), a rest is left out, (windows, 1, 96, 64)",
            classes=False,
        ),
        ScriptKind(
            name="PANNs",
            distance="FAD-PANNs",
            discrepancy="KD-PANNs",
            modality="audio",
            sample_rate=PANNS_RATE,
            preprocessing="32 kHz mono waveform",
            windows="1 s every 0.5 s, a rest is left out, a shorter clip filled with silence, (windows, 32000)",
            classes=False,
        ),
    )
}


class TorchScriptBackbone:
    """A network of `KINDS` loaded from a file; see `Backbone`.

    The network returns vectors (windows, d), a tuple with the vectors first, or a dict with the key "embedding". I3D
    returns logits. Raises InputError if the file is not TorchScript.
    """

    def __init__(self, kind: str, path: Path) -> None:
        self.kind = KINDS[kind]
        self.name, self.distance, self.discrepancy = self.kind.name, self.kind.distance, self.kind.discrepancy
        self.modality: Literal["audio", "video"] = self.kind.modality
        self.sample_rate = self.kind.sample_rate
        self.preprocessing, self.windows, self.classes = self.kind.preprocessing, self.kind.windows, self.kind.classes
        self.sha256 = sha256_of([path])
        try:
            module: Any = torch.jit.load(str(path), map_location="cpu").eval()
        except (RuntimeError, ValueError) as error:
            found = "no TorchScript that can be read"
            raise InputError.about(path, found=found, expected=f"{kind} saved with torch.jit.save") from error
        asked = {argument.name for argument in module.forward.schema.arguments}
        # StyleGAN-V's I3D returns probabilities by default and logits with return_features.
        self.run = partial(module, return_features=True) if "return_features" in asked else module

    @torch.no_grad()
    def embed(self, clip: np.ndarray) -> Embedding:
        """Embeds a waveform (s,) at `sample_rate`, or frames uint8 (f, h, w, 3).

        Raises InputError if I3D gets fewer than 9 frames.
        """
        vectors = torch.cat([_vectors(self.run(batch)) for batch in self._batches(clip)])
        return Embedding(vectors, vectors.mean(0).softmax(0) if self.classes else None)

    def _batches(self, clip: np.ndarray) -> list[Tensor]:
        if self.name == "VGGish":
            return [mel_patches(clip, offset=0.01, hop=48)[:, None]]
        if self.name == "PANNs":
            sound = np.pad(np.asarray(clip, np.float32), (0, max(0, PANNS_RATE - len(clip))))
            return [torch.from_numpy(sound).unfold(0, PANNS_RATE, PANNS_RATE // 2)]
        if len(clip) < I3D_FEWEST:
            found = f"{len(clip)} frames"
            raise InputError.about("a clip for I3D", found=found, expected=f"{I3D_FEWEST} or more")
        video = pictures(clip, size=224).transpose(0, 1)[None]
        whole = len(clip) // I3D_FRAMES * I3D_FRAMES
        return list(video[:, :, :whole].split(I3D_FRAMES, dim=2)) if whole else [video]


def _vectors(given: Any) -> Tensor:
    if isinstance(given, dict):
        given = given["embedding"]
    elif isinstance(given, tuple | list):
        given = given[0]
    return given.flatten(1).float()
