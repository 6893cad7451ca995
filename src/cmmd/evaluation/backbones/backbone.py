"""What a network must offer whose embeddings or classes are compared (ours)."""

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
    """Of one clip: a vector a window, and the probabilities of its classes (sum 1) where the network tells classes."""

    vectors: Float[Tensor, "windows d"]
    classes: Float[Tensor, " classes"] | None


@runtime_checkable
class Backbone(Protocol):
    """name: as it stands in every metric's name. distance, discrepancy: what Frechet distance and MMD are called.

    sample_rate: Hz of the mono sound it reads (0 for video). sha256: of its file. preprocessing and windows: one
    sentence each, enough to do it again; they are part of the key of cached embeddings.
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
        """Of a waveform (s,) at `sample_rate`, or of frames uint8 (f, h, w, 3)."""
        ...


def sha256_of(files: Iterable[Path]) -> str:
    """Of one file; of several, of their names and hashes in order of name. Raises InputError for none."""
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
