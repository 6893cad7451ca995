"""Training clips read from folders of shards on demand: the set may be larger than the memory (ours)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from safetensors import safe_open
from torch import Tensor

from cmmd.clips.geometry import SPECTROGRAM_FRAMES_PER_VIDEO_FRAME
from cmmd.data.order import batch_indices, mixed_batch_indices
from cmmd.data.preparing.request import Split
from cmmd.data.shards import Index, ShardManifest, read_index, read_manifest, shard_file
from cmmd.data.statistics import Statistics
from cmmd.data.training_clips import ClipBatch, TrainingClips
from cmmd.errors import InputError
from cmmd.files.foreign_files import reading

OPEN_SHARDS = 64
"""Maximum number of open shards. Each is memory-mapped: it takes address space, but no memory."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PreparedConfig:
    """folders: output folders of `cmmd prepare`, mixed by `weights` (default: equal weights).
    mirror: train on the mirrored version of half of the clips, drawn at random; needs clips of `cmmd prepare --mirror`.
    Do not use it where left and right can be heard. validate: retain the step that is best on the validation clips.
    Raises ValueError when `weights` and `folders` differ in length or a weight is not finite and above 0.
    """

    folders: tuple[str, ...] = ()
    weights: tuple[float, ...] = ()
    mirror: bool = False
    validate: bool = False

    def __post_init__(self) -> None:
        fits = len(self.weights) == len(self.folders) and all(0 < weight < math.inf for weight in self.weights)
        if self.weights and not fits:
            raise ValueError(
                f"weights are {list(self.weights)} for {len(self.folders)} folders, expected one above 0 for each"
            )


class ClipLocation(NamedTuple):
    """Location of a clip: the file of its shard, its row in the shard, its length in video frames."""

    shard: Path
    row: int
    frames: int


@dataclass(frozen=True, kw_only=True, slots=True)
class PreparedClips:
    """The clips of one split of a folder of `cmmd prepare`. mirror: `crops` may return mirrored videos."""

    locations: tuple[ClipLocation, ...]
    index: Index
    video_statistics: Statistics
    audio_statistics: Statistics
    mirror: bool = False

    @classmethod
    def open(cls, folder: Path, *, split: Split = "train", mirror: bool = False) -> "PreparedClips":
        """Reads the index and the manifests. Raises InputError for an unfinished folder, a missing or damaged shard,
        an empty split, and `mirror` with a folder prepared without mirrored clips."""
        index = read_index(folder)
        if mirror and not index.settings["mirror"]:
            raise InputError.about(folder, found="no mirrored clips", expected="clips of cmmd prepare --mirror")
        locations: list[ClipLocation] = []
        for number in range(index.shards):
            manifest, shard = read_manifest(folder, number), shard_file(folder, number)
            if manifest is None or not shard.is_file() or shard.stat().st_size != manifest.size:
                raise InputError.about(shard, found="no complete shard", expected="what cmmd prepare left there")
            _check_tensors(shard, manifest, index)
            locations += [
                ClipLocation(shard, row, c.frames) for row, c in enumerate(manifest.clips) if c.split == split
            ]
        if not locations:
            raise InputError.about(folder, found=f"no {split} clips", expected="at least one")
        return cls(
            locations=tuple(locations),
            index=index,
            video_statistics=index.video_statistics,
            audio_statistics=index.audio_statistics,
            mirror=mirror,
        )

    def __len__(self) -> int:
        return len(self.locations)

    def batch(self, batch_size: int, *, seed: int, step: int) -> Int[Tensor, " b"]:
        """Returns the clip indices of a step; every epoch visits each clip once."""
        return batch_indices(len(self), batch_size, seed=seed, step=step)

    def standardised_as(self, *, video: Statistics, audio: Statistics) -> "PreparedClips":
        """Returns the same clips with the given statistics."""
        return replace(self, video_statistics=video, audio_statistics=audio)

    def crops(
        self,
        indices: Int[Tensor, " b"],
        *,
        frames: int,
        start: Float[Tensor, " b"],
        mirror: Float[Tensor, " b"] | None = None,
    ) -> ClipBatch:
        """See `TrainingClips.crops`. Reads only the cropped frames from the disk. Raises InputError that names the
        shard when it is damaged or holds values that are not finite."""
        locations = [self.locations[index] for index in indices.tolist()]
        where = start.tolist()
        mirrored = (mirror < 0.5).tolist() if self.mirror and mirror is not None else [False] * len(locations)
        each = SPECTROGRAM_FRAMES_PER_VIDEO_FRAME
        video, audio = [], []
        for location, share, turned in zip(locations, where, mirrored, strict=True):
            if location.frames < frames:
                raise ValueError(
                    f"{location.shard.name} clip {location.row} has {location.frames} frames, expected {frames}"
                )
            first = int(share * (location.frames - frames + 1))
            with reading(location.shard, expected="what cmmd prepare left there; without the file it is made again"):
                shard = _opened(location.shard)
                seen = shard.get_slice(f"{'mirrored' if turned else 'video'}.{location.row}")
                video.append(seen[:, first : first + frames])
                audio.append(shard.get_slice(f"audio.{location.row}")[:, :, first * each : (first + frames) * each])
                if not (video[-1].isfinite().all() and audio[-1].isfinite().all()):
                    raise ValueError(f"numbers that are not finite in clip {location.row}")
        return ClipBatch(
            self.video_statistics.standardise(torch.stack(video).float()),
            self.audio_statistics.standardise(torch.stack(audio).float()),
        )


def _check_tensors(shard: Path, manifest: ShardManifest, index: Index) -> None:
    """Raises InputError when the shapes of the tensors differ from the manifest."""
    expected = "the tensors that its manifest tells of"
    with reading(shard, expected=expected), safe_open(shard, framework="pt") as file:
        for row, clip in enumerate(manifest.clips):
            video, audio = (file.get_slice(f"{name}.{row}").get_shape() for name in ("video", "audio"))
            seen = len(video), *video[:2], len(audio), audio[0], *audio[2:]
            channels = len(index.video_statistics.mean), len(index.audio_statistics.mean)
            wanted = 4, channels[0], clip.frames, 3, channels[1], clip.frames * SPECTROGRAM_FRAMES_PER_VIDEO_FRAME
            if seen != wanted:
                raise InputError.about(shard, found=f"{video} and {audio} for {clip.name}", expected=expected)


@lru_cache(maxsize=OPEN_SHARDS)
def _opened(shard: Path) -> Any:
    return safe_open(shard, framework="pt")


@dataclass(frozen=True, kw_only=True, slots=True)
class MixedClips:
    """Several sets of clips as one, with shared statistics. weights: relative frequency at which each set is drawn."""

    sets: tuple[TrainingClips, ...]
    weights: tuple[float, ...]
    video_statistics: Statistics
    audio_statistics: Statistics

    @classmethod
    def of(cls, sets: Sequence[TrainingClips], weights: Sequence[float]) -> "MixedClips":
        """Mixes sets and computes the statistics of the mixture. Raises ValueError when `sets` is empty or differs from
        `weights` in length, a weight is not above 0, or the sets differ in their number of channels."""
        if len(sets) != len(weights) or not sets or min(weights) <= 0:
            raise ValueError(f"{len(sets)} sets with weights {list(weights)}, expected a weight above 0 for each")
        video = Statistics.mixed([part.video_statistics for part in sets], weights)
        audio = Statistics.mixed([part.audio_statistics for part in sets], weights)
        return cls(sets=tuple(sets), weights=tuple(weights), video_statistics=video, audio_statistics=audio).alike()

    def alike(self) -> "MixedClips":
        """Returns the mixture with its statistics applied to every set."""
        shared = {"video": self.video_statistics, "audio": self.audio_statistics}
        return replace(self, sets=tuple(part.standardised_as(**shared) for part in self.sets))

    def __len__(self) -> int:
        return sum(len(part) for part in self.sets)

    def batch(self, batch_size: int, *, seed: int, step: int) -> Int[Tensor, " b"]:
        """Returns the clip indices of a step; see `mixed_batch_indices`."""
        return mixed_batch_indices([len(part) for part in self.sets], self.weights, batch_size, seed=seed, step=step)

    def standardised_as(self, *, video: Statistics, audio: Statistics) -> "MixedClips":
        """Returns the same clips with the given statistics."""
        return replace(self, video_statistics=video, audio_statistics=audio).alike()

    def crops(
        self,
        indices: Int[Tensor, " b"],
        *,
        frames: int,
        start: Float[Tensor, " b"],
        mirror: Float[Tensor, " b"] | None = None,
    ) -> ClipBatch:
        """See `TrainingClips.crops`. Reads each clip from the set that its index falls into."""
        sizes = torch.tensor([len(part) for part in self.sets])
        ends = sizes.cumsum(0)
        chosen = torch.bucketize(indices, ends, right=True)
        firsts = ends - sizes
        one_by_one = [
            self.sets[which].crops(
                indices[[item]] - firsts[which],
                frames=frames,
                start=start[[item]],
                mirror=None if mirror is None else mirror[[item]],
            )
            for item, which in enumerate(chosen.tolist())
        ]
        return ClipBatch(*(torch.cat(parts) for parts in zip(*one_by_one, strict=True)))
