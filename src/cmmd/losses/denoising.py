"""The denoising loss: mean squared error over what is being generated, and nothing else (paper)."""

from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

from cmmd.diffusion.process import over_elements
from cmmd.models.coupled_unet import Prediction


class DenoisingLoss(NamedTuple):
    """``total`` is trained on; ``video`` and ``audio`` are the mean errors over the items that generate them."""

    total: Float[Tensor, ""]
    video: Float[Tensor, ""]
    audio: Float[Tensor, ""]


def denoising_errors(
    predicted: Float[Tensor, "b c ..."], target: Float[Tensor, "b c ..."], *, mask: Float[Tensor, "b f"]
) -> Float[Tensor, " b"]:
    """The error d(x, c) of each item: mean squared error over its generated frames, 0 where it generates none.

    Shapes: ``(b, c, f, h, w)`` or ``(b, c, m, n)``; ``mask`` is 1 on the video frames that are generated.
    """
    squared = (predicted - target).square() * over_elements(mask, predicted)
    generated = mask.sum(dim=1).clamp(min=1.0) / mask.shape[1]
    return squared.flatten(1).mean(dim=1) / generated


def denoising_loss(
    predicted: Prediction,
    target: Prediction,
    *,
    video_mask: Float[Tensor, "b f"],
    audio_mask: Float[Tensor, "b f"],
    video_weight: float = 1.0,
    audio_weight: float = 1.0,
) -> DenoisingLoss:
    """Mean over the items of the weighted errors of the modalities they generate.

    An item weighs the same whatever its batch mates generate: means of parts of a batch average to that of the whole.
    """
    video = denoising_errors(predicted.video, target.video, mask=video_mask)
    audio = denoising_errors(predicted.audio, target.audio, mask=audio_mask)
    return DenoisingLoss(
        total=(video_weight * video + audio_weight * audio).mean(),
        video=_mean_over_generating(video, video_mask),
        audio=_mean_over_generating(audio, audio_mask),
    )


def _mean_over_generating(errors: Float[Tensor, " b"], mask: Float[Tensor, "b f"]) -> Float[Tensor, ""]:
    return errors.sum() / mask.any(dim=1).sum().clamp(min=1)
