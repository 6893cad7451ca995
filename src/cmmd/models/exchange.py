"""Data exchanged between the streams of a coupled U-Net: conditions, and which item listens to which (ours)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from cmmd.models.blocks import Modality

OTHER: dict[Modality, Modality] = {"video": "audio", "audio": "video"}


class Prediction(NamedTuple):
    """One tensor per modality: predictions of the network, their targets, or samples."""

    video: Float[Tensor, "bv c f h w"]
    audio: Float[Tensor, "ba c m n"]


@dataclass(frozen=True)
class Condition:
    """The messages of a clean stream, one per stage. The other stream receives nothing else of it."""

    modality: Modality
    messages: tuple[Tensor, ...]

    @property
    def batch_size(self) -> int:
        return self.messages[0].shape[0]

    def select(self, indices: Int[Tensor, " chosen"] | Sequence[int]) -> "Condition":
        """Selects items in the order given. An item may be selected more than once."""
        chosen = torch.as_tensor(indices, device=self.messages[0].device)
        return Condition(self.modality, tuple(message[chosen] for message in self.messages))

    def repeat(self, times: int) -> "Condition":
        """Repeats each item ``times`` times in a row, for several takes of one clip."""
        return Condition(self.modality, tuple(message.repeat_interleave(times, dim=0) for message in self.messages))

    def reordered(self, order: Int[Tensor, "b blocks"]) -> "Condition":
        """Reorders the time blocks of every message, with a separate order for each item (see `reordered`)."""
        return Condition(self.modality, tuple(reordered(message, order) for message in self.messages))

    @staticmethod
    def cat(conditions: Sequence["Condition"]) -> "Condition":
        """Concatenates the conditions of several batches. Raises ValueError unless all are of one modality."""
        modalities = sorted({condition.modality for condition in conditions})
        if len(modalities) != 1:
            raise ValueError(f"cannot join conditions of modalities {modalities}, expected exactly one")
        stages = zip(*(condition.messages for condition in conditions), strict=True)
        return Condition(conditions[0].modality, tuple(torch.cat(messages) for messages in stages))


class Listening(NamedTuple):
    """Which item of the other stream each item of a stream listens to, where it is not the item with the same index.

    speakers: number of items of the other stream that speak; these are its first items. speaker: index of the item that
    each item listens to. order: order in which the item hears the speaker's time blocks; 0, 1, 2, ... is the original.
    """

    speakers: int
    speaker: Int[Tensor, " b"]
    order: Int[Tensor, "b blocks"]

    def of(self, message: Float[Tensor, "speakers ... time"]) -> Float[Tensor, "b ... time"]:
        """Returns the message that each item hears."""
        return reordered(message.index_select(0, self.speaker), self.order)


def reordered(x: Float[Tensor, "b ... time"], order: Int[Tensor, "b blocks"]) -> Float[Tensor, "b ... time"]:
    """Splits the last axis into blocks of equal length and reorders them per item: block order[j] goes to index j."""
    stretches = x.unflatten(-1, (order.shape[1], -1))
    index = order.view(len(order), *(1,) * (x.ndim - 2), -1, 1).expand_as(stretches)
    return stretches.gather(-2, index).flatten(-2)
