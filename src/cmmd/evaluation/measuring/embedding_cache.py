"""On-disk cache for the embeddings of a set of real clips, reused by later evaluations (ours).

The key is a hash of everything that the embeddings depend on; a file under another key is never read.
"""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from safetensors.torch import load_file, save_file

from cmmd.errors import InputError
from cmmd.evaluation.backbones.backbone import Backbone, Embedding
from cmmd.evaluation.measuring.media import RESAMPLER, Reading, digest_of
from cmmd.evaluation.measuring.pairing import ListedClip
from cmmd.files.foreign_files import reading
from cmmd.files.output_folder import make_folder
from cmmd.files.unfinished_file import atomic_file

FORMAT = 1


def default_cache() -> Path:
    """The default folder: cmmd/embeddings in XDG_CACHE_HOME or ~/.cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cmmd" / "embeddings"


@dataclass(frozen=True, slots=True)
class EmbeddingCache:
    """A folder of safetensors files, one per set of clips and backbone."""

    folder: Path

    def path(self, clips: Sequence[ListedClip], backbone: Backbone, reading: Reading) -> Path:
        """Path of the cache file; its name is a hash of clip names and contents, backbone and reading settings."""
        key = {
            "format": FORMAT,
            "clips": [(clip.name, digest_of(clip.file)) for clip in clips],
            "backbone": (backbone.name, backbone.sha256, backbone.preprocessing, backbone.windows),
            "reading": (reading.fps, reading.image_size, RESAMPLER),
        }
        name = hashlib.sha256(json.dumps(key).encode()).hexdigest()
        return self.folder / f"{backbone.name}-{name[:32]}.safetensors"

    def load(self, path: Path) -> dict[str, Embedding]:
        """Returns the embeddings by clip name; {} if the file is missing or unreadable."""
        if not path.is_file():
            return {}
        try:
            with reading(path, expected="embeddings"):
                tensors = load_file(path)
        except InputError:
            return {}
        vectors = {name.removesuffix("/vectors"): x for name, x in tensors.items() if name.endswith("/vectors")}
        return {name: Embedding(x, tensors.get(f"{name}/classes")) for name, x in vectors.items()}

    def save(self, path: Path, embeddings: dict[str, Embedding]) -> None:
        """Writes the file atomically. Ignores write errors: evaluation works without a cache."""
        tensors = {f"{name}/vectors": embedding.vectors.contiguous() for name, embedding in embeddings.items()}
        tensors |= {f"{name}/classes": item.classes for name, item in embeddings.items() if item.classes is not None}
        try:
            make_folder(self.folder)
            with atomic_file(path) as temporary, reading(path, expected="names that can be kept"):
                save_file(tensors, temporary)
        except InputError:
            return
