"""MobileNetV2 (Sandler et al., arXiv 1801.04381) on ImageNet: a 1280-d embedding and 1001 classes per frame.

The weights are a state dict with the batch norms folded in (`conv.N.weight`, `conv.N.bias`). The same folder holds
`mobilenet_v2_graph.json` with the operations in order: ["conv", in, out, N, stride, groups, activation],
["add", [a, b], out, activation], ["mean", in, out] (the embedding), ["flat", in, out], ["soft", in, out]; activation 0
is none, 1 ReLU, 3 ReLU6.
"""

import json
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from cmmd.errors import InputError
from cmmd.evaluation.backbones.backbone import Embedding, sha256_of
from cmmd.evaluation.backbones.same_padding import same_convolution
from cmmd.evaluation.backbones.state_dict import read_state_dict

SIZE = 224
GRAPH = "mobilenet_v2_graph.json"


class MobileNetV2:
    """MobileNetV2 from a weights file; see `Backbone`. Classes of a clip: softmax of the mean logits over all frames.

    Raises InputError if the weights or the graph file cannot be read or are incomplete.
    """

    name = "MobileNetV2"
    distance = "FD-MobileNetV2"
    discrepancy = "KD-MobileNetV2"
    modality: Literal["audio", "video"] = "video"
    sample_rate = 0
    preprocessing = "frames as read, bilinear to 224 x 224 with antialiasing, RGB in [-1, 1]"
    windows = "every frame by itself"
    classes = True

    def __init__(self, path: Path) -> None:
        graph = path.with_name(GRAPH)
        try:
            self.graph: dict[str, Any] = json.loads(graph.read_text())
            last = max(op[3] for op in self.graph["ops"] if op[0] == "conv")
        except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
            raise InputError.about(graph, found="no list of operations", expected="one beside the weights") from error
        self.state = read_state_dict(path, expected=[f"conv.{index}.weight" for index in range(last + 1)])
        self.sha256 = sha256_of([path, graph])

    @torch.no_grad()
    def embed(self, clip: np.ndarray) -> Embedding:
        """Embeds frames uint8 (f, h, w, 3)."""
        vectors, logits = self._run(pictures(clip, size=SIZE))
        return Embedding(vectors, logits.mean(0).softmax(0))

    def _run(self, x: Float[Tensor, "f 3 h w"]) -> tuple[Float[Tensor, "f 1280"], Float[Tensor, "f 1001"]]:
        values = {self.graph["input"]: x}
        embedding = None
        for kind, source, target, *rest in self.graph["ops"]:
            activation = 0
            if kind == "conv":
                index, stride, groups, activation = rest
                weight, bias = self.state[f"conv.{index}.weight"], self.state[f"conv.{index}.bias"]
                y = same_convolution(values[source], weight, bias, stride=stride, groups=groups)
            elif kind == "add":
                y, activation = values[source[0]] + values[source[1]], rest[0]
            elif kind == "mean":
                y = embedding = values[source].mean((2, 3), keepdim=True)
            else:  # flat and soft, the last two: softmax is skipped, the result is logits
                y = values[source].flatten(1)
            values[target] = y.clamp(0, 6) if activation == 3 else y.relu() if activation == 1 else y
        assert embedding is not None, "the graph of MobileNetV2 has a mean"
        return embedding.flatten(1), values[self.graph["output"]]


def pictures(frames: np.ndarray, *, size: int) -> Float[Tensor, "f 3 size size"]:
    """Converts uint8 (f, h, w, 3) to float in [-1, 1], resized to `size` x `size` pixels."""
    x = torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2).float()
    if x.shape[2:] != (size, size):
        x = F.interpolate(x, size=(size, size), mode="bilinear", antialias=True)
    return x / 127.5 - 1
