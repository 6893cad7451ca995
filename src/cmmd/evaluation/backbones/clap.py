"""CLAP (Wu et al., arXiv 2211.06687) through transformers: the embeddings of the paper's FAD.

Windows follow fadtk (10 s every 1 s, zero-padded at the end), so that a clip of 1.6 s has two.
"""

from typing import Any, Literal

import numpy as np
import torch

from cmmd.errors import InputError
from cmmd.evaluation.backbones.backbone import Embedding, sha256_of
from cmmd.weights.model_name import DOWNLOADED, local_folder

DEFAULT = "laion/clap-htsat-unfused"
SAMPLE_RATE = 48_000
WINDOW_SECONDS, HOP_SECONDS = 10, 1


class CLAP:
    """CLAP from a folder or hub:ORG/NAME; see `Backbone`. Raises InputError if transformers or the model is missing."""

    name = "CLAP"
    distance = "FAD-CLAP"
    discrepancy = "KD-CLAP"
    modality: Literal["audio", "video"] = "audio"
    sample_rate = SAMPLE_RATE
    preprocessing = "48 kHz mono; the model's own log-mel; embeddings of unit norm"
    windows = "10 s every 1 s, as many as started seconds, filled with silence"
    classes = False

    def __init__(self, source: str = DEFAULT) -> None:
        try:
            from transformers import ClapFeatureExtractor, ClapModel  # pyright: ignore[reportMissingImports]
        except ImportError as error:
            expected = 'pip install transformers (in a checkout: pip install "./[eval]")'
            raise InputError.about("backbone CLAP", found="no transformers", expected=expected) from error
        folder = local_folder(source)
        try:
            self.model: Any = ClapModel.from_pretrained(folder, local_files_only=True, use_safetensors=True).eval()
            self.features: Any = ClapFeatureExtractor.from_pretrained(folder, local_files_only=True)
        except (OSError, ValueError) as error:
            found = str(error).splitlines()[0][:120]
            raise InputError.about(source, found=found, expected="a CLAP model of transformers") from error
        if self.features.sampling_rate != SAMPLE_RATE:
            found = f"{self.features.sampling_rate} Hz"
            raise InputError.about(source, found=found, expected=f"a model of {SAMPLE_RATE} Hz")
        self.sha256 = sha256_of(file for pattern in DOWNLOADED for file in folder.glob(pattern))

    @torch.no_grad()
    def embed(self, clip: np.ndarray) -> Embedding:
        """Embeds a waveform (s,) at 48 kHz."""
        size, hop = WINDOW_SECONDS * SAMPLE_RATE, HOP_SECONDS * SAMPLE_RATE
        starts = range(0, max(1, len(clip)), hop)
        windows = [np.pad(part, (0, size - len(part))) for part in (clip[at : at + size] for at in starts)]
        vectors = []
        for window in windows:  # full windows, so that the extractor neither crops at random nor repeats
            read = self.features(window, sampling_rate=SAMPLE_RATE, truncation="rand_trunc", padding="pad")
            heard = torch.as_tensor(np.asarray(read["input_features"]))
            out = self.model.get_audio_features(input_features=heard, is_longer=torch.zeros(1, 1, dtype=torch.bool))
            vectors.append(getattr(out, "pooler_output", out)[0])
        return Embedding(torch.nn.functional.normalize(torch.stack(vectors), dim=1), None)
