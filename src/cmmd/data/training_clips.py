"""Interface of training clips, implemented for clips in memory, clips in shards, and mixtures of sets (ours)."""

from typing import NamedTuple, Protocol, runtime_checkable

from jaxtyping import Float, Int
from torch import Tensor

from cmmd.data.statistics import Statistics


class ClipBatch(NamedTuple):
    """Standardised video latents and spectrograms of the same time spans."""

    video: Float[Tensor, "b c f h w"]
    audio: Float[Tensor, "b ca m n"]


@runtime_checkable
class TrainingClips(Protocol):
    """A set of clips, indexed from 0."""

    @property
    def video_statistics(self) -> Statistics: ...

    @property
    def audio_statistics(self) -> Statistics: ...

    def __len__(self) -> int: ...

    def crops(
        self,
        indices: Int[Tensor, " b"],
        *,
        frames: int,
        start: Float[Tensor, " b"],
        mirror: Float[Tensor, " b"] | None = None,
    ) -> ClipBatch:
        """Returns a crop of `frames` video frames from each chosen clip, standardised, float32.

        start: per clip in [0, 1), selects the first frame among all valid ones. mirror: per clip in [0, 1), below 1/2
        selects the mirrored video if the set has one. Raises ValueError for a clip of fewer than `frames` frames.
        """
        ...

    def batch(self, batch_size: int, *, seed: int, step: int) -> Int[Tensor, " b"]:
        """Returns the clip indices of a step, which depend only on seed and step."""
        ...

    def standardised_as(self, *, video: Statistics, audio: Statistics) -> "TrainingClips":
        """Returns the same clips with the given statistics."""
        ...
