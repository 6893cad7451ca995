"""Encoded clips on disk: a safetensors file and a JSON manifest per shard, and one index for all shards (ours).

A shard is complete when its manifest exists: the tensors are written first, and each file is written under a temporary
name and then renamed. The clips of a shard and their order depend only on the requests, not on the process or the time
of preparation.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from pydantic import TypeAdapter
from safetensors.torch import save
from torch import Tensor

from cmmd.clips.geometry import Geometry
from cmmd.data.preparing.request import SPLITS, Split
from cmmd.data.statistics import Statistics
from cmmd.errors import InputError
from cmmd.files.foreign_files import reading
from cmmd.files.plain_json import read_json_object
from cmmd.files.unfinished_file import atomic_file

FORMAT = 1
INDEX = "index.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class ClipRecord:
    """Manifest entry of a clip. Its index in the manifest is its row in the shard: its tensors are `video.ROW`,
    `audio.ROW` and, if mirrored clips were prepared, `mirrored.ROW`.

    start: seconds in its source file. frames: video frames. digest: hash of the pixels and samples that were encoded.
    """

    name: str
    source: str
    start: float
    frames: int
    labels: tuple[str, ...]
    split: Split
    group: str
    digest: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EncodedClip:
    """video: (c, f, h, w). audio: (c, m, 8 f). mirrored: latents of the mirrored video, or None. All half precision."""

    record: ClipRecord
    video: Tensor
    audio: Tensor
    mirrored: Tensor | None = None


@dataclass(frozen=True, slots=True)
class Moments:
    """Per-channel sums and sums of squares over `count` values; the statistics of many shards are computed from
    them."""

    count: int
    sums: tuple[float, ...]
    squares: tuple[float, ...]

    @classmethod
    def of(cls, tensors: Sequence[Tensor]) -> "Moments":
        """Computes the moments of tensors of shape (c, ...)."""
        flat = [tensor.double().flatten(1) for tensor in tensors]
        sums = torch.stack([x.sum(1) for x in flat]).sum(0)
        squares = torch.stack([x.square().sum(1) for x in flat]).sum(0)
        return cls(sum(x.shape[1] for x in flat), tuple(sums.tolist()), tuple(squares.tolist()))

    @staticmethod
    def statistics(moments: Iterable["Moments"]) -> Statistics:
        """Returns mean and standard deviation over all `moments`. Raises ValueError when `moments` is empty."""
        moments = list(moments)
        if not moments:
            raise ValueError("no clips to take statistics of")
        count = sum(one.count for one in moments)
        mean = [sum(values) / count for values in zip(*(one.sums for one in moments), strict=True)]
        square = [sum(values) / count for values in zip(*(one.squares for one in moments), strict=True)]
        std = [max(s - m * m, 1e-12) ** 0.5 for s, m in zip(square, mean, strict=True)]
        return Statistics(mean=tuple(mean), std=tuple(std))


@dataclass(frozen=True, kw_only=True, slots=True)
class ShardManifest:
    """key: hash of everything that the shard depends on. sha256, size: hash and bytes of the tensor file. clips: in
    the order of their rows. skipped: (name, reason) of what was left out. moments: of the training clips, by modality;
    empty without training clips."""

    key: str
    sha256: str
    size: int
    clips: tuple[ClipRecord, ...]
    skipped: tuple[tuple[str, str], ...]
    moments: dict[str, Moments]


def shard_file(folder: Path, number: int) -> Path:
    """Returns the path of a shard's tensor file. The manifest has the same name with the suffix .json."""
    return folder / f"shard-{number:05d}.safetensors"


def write_shard(
    folder: Path, number: int, clips: Sequence[EncodedClip], skipped: Sequence[tuple[str, str]], *, key: str
) -> ShardManifest:
    """Writes the tensors, then the manifest, which is returned. Raises InputError when a file cannot be written."""
    tensors: dict[str, Tensor] = {}
    for row, clip in enumerate(clips):
        tensors |= {f"video.{row}": clip.video.contiguous(), f"audio.{row}": clip.audio.contiguous()}
        if clip.mirrored is not None:
            tensors[f"mirrored.{row}"] = clip.mirrored.contiguous()
    trained = [clip for clip in clips if clip.record.split == "train"]
    names = ("video", "audio") if trained else ()
    moments = {name: Moments.of([getattr(clip, name) for clip in trained]) for name in names}
    content = save(tensors)
    manifest = ShardManifest(
        key=key,
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        clips=tuple(clip.record for clip in clips),
        skipped=tuple(skipped),
        moments=moments,
    )
    path = shard_file(folder, number)
    path.with_suffix(".json").unlink(missing_ok=True)  # manifest of older tensors
    _write(path, content)
    write_json(path.with_suffix(".json"), {"format": FORMAT} | asdict(manifest))
    return manifest


def read_manifest(folder: Path, number: int) -> ShardManifest | None:
    """Returns a shard's manifest, or None when either file is missing. Raises InputError for an invalid manifest."""
    path = shard_file(folder, number).with_suffix(".json")
    if not path.exists() or not shard_file(folder, number).exists():
        return None
    content = read_json(path, expected="the manifest of a shard")
    with reading(path, expected="the manifest of a shard"):
        return TypeAdapter(ShardManifest).validate_python(content)


@dataclass(frozen=True, kw_only=True, slots=True)
class Index:
    """Index of a folder of shards. settings: those of its preparation. statistics: of the training clips. shards:
    number of shards."""

    settings: dict[str, Any]
    video_statistics: Statistics
    audio_statistics: Statistics
    shards: int


def write_index(folder: Path, *, shards: int, settings: dict[str, Any], skipped: Sequence[tuple[str, str]]) -> None:
    """Writes the index from the manifests of complete shards. Raises InputError when there is no training clip, a
    manifest is invalid, or the index cannot be written."""
    manifests = [manifest for number in range(shards) if (manifest := read_manifest(folder, number)) is not None]
    skipped = [*skipped, *(entry for manifest in manifests for entry in manifest.skipped)]
    clips = [clip for manifest in manifests for clip in manifest.clips]
    if not any(clip.split == "train" for clip in clips):
        reason = f"; the first: {': '.join(skipped[0])}" if skipped else ""
        raise InputError(f"{folder}: found no clip to train on, {len(skipped)} left out{reason}")
    moments = [manifest.moments for manifest in manifests if manifest.moments]
    statistics = {name: asdict(Moments.statistics(one[name] for one in moments)) for name in ("video", "audio")}
    content = {
        "format": FORMAT,
        "cmmd": version("cmmd"),
        "settings": settings,
        "statistics": statistics,
        "splits": {split: _summary([clip for clip in clips if clip.split == split]) for split in SPLITS},
        "shards": [
            {"file": shard_file(folder, number).name, "sha256": manifest.sha256, "bytes": manifest.size}
            for number, manifest in enumerate(manifests)
        ],
        "skipped": skipped,
    }
    write_json(folder / INDEX, content)


def _summary(clips: Sequence[ClipRecord]) -> dict[str, int]:
    return {
        "clips": len(clips),
        "frames": sum(clip.frames for clip in clips),
        "groups": len({clip.group for clip in clips}),
    }


def read_index(folder: Path) -> Index:
    """Reads the index. Raises InputError when it is missing (preparation has not finished) or invalid."""
    path = folder / INDEX
    if not path.exists():
        raise InputError.about(folder, found=f"no {INDEX}", expected="a folder that cmmd prepare has finished")
    content = read_json(path, expected="the index of prepared clips")
    with reading(path, expected="the index of prepared clips"):
        settings = content["settings"]
        for name, kind in (("autoencoder", str), ("autoencoder_sha256", str), ("codec", str), ("mirror", bool)):
            if not isinstance(settings[name], kind):
                raise ValueError(f"{name} {settings[name]!r:.60}")
        Geometry(**settings["geometry"])
        statistics = {name: Statistics.of_values(content["statistics"][name]) for name in ("video", "audio")}
        return Index(
            settings=settings,
            video_statistics=statistics["video"],
            audio_statistics=statistics["audio"],
            shards=len(content["shards"]),
        )


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Writes a temporary file, then renames it. Raises InputError when the file cannot be written."""
    _write(path, (json.dumps(content, indent=1) + "\n").encode())


def _write(path: Path, content: bytes) -> None:
    with atomic_file(path, durable=True) as temporary:
        temporary.write_bytes(content)


def read_json(path: Path, *, expected: str) -> dict[str, Any]:
    """Reads a JSON object. Raises InputError when the file is unreadable, not a JSON object, or not of `FORMAT`."""
    content = read_json_object(path, expected=expected)
    if content.get("format") != FORMAT:
        raise InputError(f"{path}: found another format than {FORMAT}, expected {expected}")
    return content
