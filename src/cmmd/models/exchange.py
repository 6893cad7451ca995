"""What the streams of a coupled U-Net pass to each other: conditions, and who listens to whom (ours)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from cmmd.models.blocks import Modality

OTHER: dict[Modality, Modality] = {"video": "audio", "audio": "video"}


class Prediction(NamedTuple):
    """A tensor for each modality: what the network predicts, or what it should have predicted."""

    video: Float[Tensor, "bv c f h w"]
    audio: Float[Tensor, "ba c m n"]


@dataclass(frozen=True)
class Condition:
    """What a clean stream says, one message a stage: all that the other stream ever learns of it."""

    modality: Modality
    messages: tuple[Tensor, ...]

    @property
    def batch_size(self) -> int:
        return self.messages[0].shape[0]

    def select(self, indices: Int[Tensor, " chosen"] | Sequence[int]) -> "Condition":
        """The conditions of some items, in the order given; an item may be chosen more than once."""
        chosen = torch.as_tensor(indices, device=self.messages[0].device)
        return Condition(self.modality, tuple(message[chosen] for message in self.messages))

    def repeat(self, times: int) -> "Condition":
        """Each item ``times`` times in a row, for several takes of one clip."""
        return Condition(self.modality, tuple(message.repeat_interleave(times, dim=0) for message in self.messages))

    def reordered(self, order: Int[Tensor, "b blocks"]) -> "Condition":
        """Every message with its stretches of time in another order for each item."""
        return Condition(self.modality, tuple(reordered(message, order) for message in self.messages))

    @staticmethod
    def cat(conditions: Sequence["Condition"]) -> "Condition":
        """The conditions of several batches as one batch; raises ValueError when they are not of one modality."""
        modalities = sorted({condition.modality for condition in conditions})
        if len(modalities) != 1:
            raise ValueError(f"cannot join conditions of modalities {modalities}, expected exactly one")
        stages = zip(*(condition.messages for condition in conditions), strict=True)
        return Condition(conditions[0].modality, tuple(torch.cat(messages) for messages in stages))


class Listening(NamedTuple):
    """To whom each item of a stream listens, where that is not simply the item of the same number.

    speakers: how many items of the other stream speak, its first ones. speaker: the one that an item listens to.
    order: its stretches of time, in the order in which the item hears them; 0, 1, 2, ... is as they were spoken.
    """

    speakers: int
    speaker: Int[Tensor, " b"]
    order: Int[Tensor, "b blocks"]

    def of(self, message: Float[Tensor, "speakers ... time"]) -> Float[Tensor, "b ... time"]:
        """The message that each item hears."""
        return reordered(message.index_select(0, self.speaker), self.order)


def reordered(x: Float[Tensor, "b ... time"], order: Int[Tensor, "b blocks"]) -> Float[Tensor, "b ... time"]:
    """The equal stretches ("blocks") of the last axis in another order for each item: place j gets block order[j]."""
    stretches = x.unflatten(-1, (order.shape[1], -1))
    index = order.view(len(order), *(1,) * (x.ndim - 2), -1, 1).expand_as(stretches)
    return stretches.gather(-2, index).flatten(-2)
