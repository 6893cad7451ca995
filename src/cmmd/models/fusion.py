"""The interface of all kinds of fusion: where the two streams meet after a stage (paper: its place; ours: its form)."""

from jaxtyping import Bool, Float
from torch import Tensor, nn

from cmmd.models.blocks import Modality, time_steps


class Fusion(nn.Module):
    """Where the two streams meet after a stage; this one keeps them apart (kind ``none``), the others derive from it.

    A message is a tensor whose first axis is the batch. What a stream hears depends on its own features and the other's
    message alone, so that messages may be computed once and used at many diffusion times.
    """

    def speak(self, features: Float[Tensor, "b ..."], *, speaker: Modality) -> Float[Tensor, "b ..."]:
        """The speaker's message; here an empty one."""
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
        """The hearer's features with what it heard added; exactly the features themselves where ``hears`` is False.

        turn: part of the clip by which a random shift is turned in this call, 0 to 1; other kinds have none.
        """
        return features
