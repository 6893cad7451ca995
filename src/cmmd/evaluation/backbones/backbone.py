"""The interface of a network whose embeddings or classes are compared (ours)."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, UInt8
from torch import Tensor

from cmmd.errors import InputError

Sound = Float[np.ndarray, " s"]
Frames = UInt8[np.ndarray, "f h w 3"]


class Embedding(NamedTuple):
    """Embedding of one clip. classes: probabilities that sum to 1, None if the network predicts none."""

    vectors: Float[Tensor, "windows d"]
    classes: Float[Tensor, " classes"] | None


@runtime_checkable
class Backbone(Protocol):
    """name: used in metric names. distance, discrepancy: names of its Frechet distance and of its MMD.

    sample_rate: Hz of its mono input (0 for video). sha256: of the weights file, "" without one. preprocessing,
    windows: one sentence each, sufficient to reproduce them; both enter the key of cached embeddings. classes: whether
    it predicts classes.
    """

    name: str
    distance: str
    discrepancy: str
    modality: Literal["audio", "video"]
    sample_rate: int
    sha256: str
    preprocessing: str
    windows: str
    classes: bool

    def embed(self, clip: np.ndarray) -> Embedding:
        """Embeds a waveform (s,) at `sample_rate`, or frames uint8 (f, h, w, 3)."""
        ...


def sha256_of(files: Iterable[Path]) -> str:
    """sha256 of one file; for several files, of their names and hashes in sorted order.

    Raises InputError if there is no file or one cannot be read.
    """
    hashes = []
    for file in sorted(files):
        try:
            with file.open("rb") as stream:
                hashes.append((file.name, hashlib.file_digest(stream, "sha256").hexdigest()))
        except OSError as error:
            raise InputError.about(file, found=error.strerror or "an error", expected="a readable file") from error
    if not hashes:
        raise InputError.about("backbone", found="no file", expected="at least one")
    if len(hashes) == 1:
        return hashes[0][1]
    return hashlib.sha256("\n".join(f"{name} {digest}" for name, digest in hashes).encode()).hexdigest()
