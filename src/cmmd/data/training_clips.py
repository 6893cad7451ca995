"""What training asks of clips, wherever they are: in memory, in shards, in a mixture of both (ours)."""

from typing import NamedTuple, Protocol, runtime_checkable

from jaxtyping import Float, Int
from torch import Tensor

from cmmd.data.statistics import Statistics


class ClipBatch(NamedTuple):
    """Standardised video latents and spectrograms of the same stretches of time."""

    video: Float[Tensor, "b c f h w"]
    audio: Float[Tensor, "b ca m n"]


@runtime_checkable
class TrainingClips(Protocol):
    """Clips by number, from 0 on."""

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
        """A stretch of `frames` video frames of every chosen clip, standardised float32.

        start: in [0, 1), where the stretch begins among all places where it can. mirror: in [0, 1), below 1/2 to show
        a clip in a mirror, where the set has mirrored clips. Raises ValueError for a clip that is shorter.
        """
        ...

    def batch(self, batch_size: int, *, seed: int, step: int) -> Int[Tensor, " b"]:
        """The numbers of the clips of a step: a function of seed and step alone."""
        ...

    def standardised_as(self, *, video: Statistics, audio: Statistics) -> "TrainingClips":
        """The same clips with other statistics than their own."""
        ...
