"""The interface of all kinds of fusion between the streams (paper: position after each stage; ours: form)."""

from jaxtyping import Bool, Float
from torch import Tensor, nn

from cmmd.models.blocks import Modality, time_steps


class Fusion(nn.Module):
    """Base class of the fusion modules. The base class itself exchanges nothing (kind ``none``).

    A message is a tensor whose first axis is the batch. The result of `hear` depends only on the hearer's features and
    the speaker's message, so messages can be computed once and used at many diffusion times.
    """

    def speak(self, features: Float[Tensor, "b ..."], *, speaker: Modality) -> Float[Tensor, "b ..."]:
        """Returns the speaker's message; in the base class an empty one."""
        return features.new_zeros(features.shape[0], 0, time_steps(features))

    def hear(
        self,
        features: Float[Tensor, "b ..."],
        message: Float[Tensor, "b ..."],
        *,
        hearer: Modality,
        hears: Bool[Tensor, " b"],
        turn: float = 0.0,
    ) -> Float[Tensor, "b ..."]:
        """Returns the hearer's features plus the update from the message; the exact features where ``hears`` is False.

        turn: offset of the random shift in this call, as a fraction of the clip from 0 to 1. Other kinds ignore it.
        """
        return features
