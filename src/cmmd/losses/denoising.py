"""The denoising loss: mean squared error over the generated frames only (paper)."""

from jaxtyping import Float
from torch import Tensor

from cmmd.diffusion.process import over_elements


def denoising_errors(
    predicted: Float[Tensor, "b c ..."], target: Float[Tensor, "b ct ..."], *, mask: Float[Tensor, "b f"]
) -> Float[Tensor, " b"]:
    """Returns the error d(x, c) of each item: mean squared error over its generated frames, 0 if it has none.

    Inputs are ``(b, c, f, h, w)`` or ``(b, c, m, n)``. ``mask`` is 1 on the generated video frames. Channels of the
    target beyond those of the prediction, which only a clean video has, are ignored.
    """
    squared = (predicted - target[:, : predicted.shape[1]]).square() * over_elements(mask, predicted)
    generated = mask.sum(dim=1).clamp(min=1.0) / mask.shape[1]
    return squared.flatten(1).mean(dim=1) / generated
