"""Encoded clips in memory: video latents, spectrograms, their statistics, and crops in time (ours)."""

import math
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from jaxtyping import Float, Int
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from cmmd.clips.geometry import SPECTROGRAM_FRAMES_PER_VIDEO_FRAME
from cmmd.data.order import batch_indices
from cmmd.data.statistics import Statistics
from cmmd.data.training_clips import ClipBatch
from cmmd.errors import InputError
from cmmd.files.output_folder import make_folder, share_as_folder
from cmmd.files.unfinished_file import atomic_file


@dataclass(frozen=True, kw_only=True, slots=True)
class EncodedClips:
    """A training set in memory, half precision: video latents (clips, c, f, h, w), spectrograms (clips, c, m, 8 f)."""

    video: Tensor
    audio: Tensor
    video_statistics: Statistics
    audio_statistics: Statistics

    def __len__(self) -> int:
        return len(self.video)

    def crops(
        self,
        indices: Int[Tensor, " b"],
        *,
        frames: int,
        start: Float[Tensor, " b"],
        mirror: Float[Tensor, " b"] | None = None,
    ) -> ClipBatch:
        """See `TrainingClips.crops`. Ignores `mirror`: clips of the world have no mirrored version."""
        available = self.video.shape[2]
        if available < frames:
            raise ValueError(f"clips have {available} frames, expected at least {frames}")
        starts = (start.double() * (available - frames + 1)).long().tolist()
        each = SPECTROGRAM_FRAMES_PER_VIDEO_FRAME
        chosen = list(zip(indices.tolist(), starts, strict=True))
        video = torch.stack([self.video[index][:, first : first + frames] for index, first in chosen])
        audio = torch.stack([self.audio[index][..., first * each : (first + frames) * each] for index, first in chosen])
        return ClipBatch(
            self.video_statistics.standardise(video.float()), self.audio_statistics.standardise(audio.float())
        )

    def batch(self, batch_size: int, *, seed: int, step: int) -> Int[Tensor, " b"]:
        """Returns the clip indices of a step; every epoch visits each clip once."""
        return batch_indices(len(self), batch_size, seed=seed, step=step)

    def standardised_as(self, *, video: Statistics, audio: Statistics) -> "EncodedClips":
        """Returns the same clips with the given statistics."""
        return replace(self, video_statistics=video, audio_statistics=audio)

    def hold_out(self, share: float) -> "tuple[EncodedClips, EncodedClips]":
        """Splits off the last `share` of the clips. Returns the training clips and the held-out clips.

        Both use the statistics of the training clips. Raises ValueError when either set would be empty.
        """
        first = len(self) - round(share * len(self))
        if not 0 < first < len(self):
            raise ValueError(f"{share:g} of {len(self)} clips held out leaves none on one side")
        trained = EncodedClips.of(self.video[:first], self.audio[:first])
        return trained, replace(trained, video=self.video[first:], audio=self.audio[first:])

    @classmethod
    def of(cls, video: Tensor, audio: Tensor) -> "EncodedClips":
        """Creates a set from encoded tensors and computes their statistics."""
        return cls(
            video=video,
            audio=audio,
            video_statistics=Statistics.of(video),
            audio_statistics=Statistics.of(audio),
        )

    def save(self, path: Path, *, key: str) -> None:
        """Writes a temporary file, then renames it. `key` identifies what the clips were encoded from. Raises
        InputError when the file cannot be written."""
        make_folder(path.parent)
        tensors = {"video": self.video.contiguous(), "audio": self.audio.contiguous()}
        with atomic_file(path, durable=True) as temporary:
            save_file(tensors, temporary, metadata={"key": key})
            share_as_folder(temporary)

    @classmethod
    def load(cls, path: Path, *, key: str) -> "EncodedClips | None":
        """Loads clips that were saved with the same key; returns None when there is no file or its key differs.

        Raises InputError when the file cannot be read or is damaged.
        """
        if not path.exists():
            return None
        try:
            with safe_open(path, framework="pt") as file:
                if (file.metadata() or {}).get("key") != key:
                    return None
                clips = cls.of(file.get_tensor("video"), file.get_tensor("audio"))
        except Exception as error:  # safetensors raises its own untyped errors
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise InputError(
                f"{path}: not a file of encoded clips: {reason}; without it they are made again"
            ) from error
        numbers = [*clips.video_statistics.mean, *clips.audio_statistics.mean]
        if not all(map(math.isfinite, numbers)) or len(clips.video) != len(clips.audio):
            raise InputError(f"{path}: not a file of encoded clips: damaged; without it they are made again")
        return clips
