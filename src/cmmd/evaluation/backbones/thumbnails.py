"""Frames at 8 x 8 pixels: a Frechet distance of video that needs no network (ours)."""

from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F

from cmmd.evaluation.backbones.backbone import Embedding

SIZE = 8


class Thumbnails:
    """See `Backbone`: 192 numbers per frame. Sensitive to colour and coarse layout, not to detail or motion."""

    name = "thumbnails"
    distance = "FD-thumbnails"
    discrepancy = "KD-thumbnails"
    modality: Literal["audio", "video"] = "video"
    sample_rate = 0
    sha256 = ""
    preprocessing = "frames as read, mean of each of 8 x 8 areas, RGB in [-1, 1]"
    windows = "every frame by itself"
    classes = False

    @torch.no_grad()
    def embed(self, clip: np.ndarray) -> Embedding:
        """Embeds frames uint8 (f, h, w, 3)."""
        x = torch.from_numpy(np.ascontiguousarray(clip)).permute(0, 3, 1, 2).float()
        return Embedding(F.adaptive_avg_pool2d(x, SIZE).flatten(1) / 127.5 - 1, None)
