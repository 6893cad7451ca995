"""One training step of CMMD: clips, times, noise, prediction, loss (paper: the algorithm's outer loop)."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from cmmd.data.encoded_clips import EncodedClips
from cmmd.data.order import batch_indices
from cmmd.diffusion.conditioning import DIRECTIONS, ConditioningConfig, draw_modes
from cmmd.diffusion.process import PredictionType, diffuse, prediction_target
from cmmd.losses.denoising import denoising_errors, denoising_loss
from cmmd.models.coupled_unet import CoupledUNet, Prediction
from cmmd.training.loop import Losses


def denoising_step(
    clips: EncodedClips,
    conditioning: ConditioningConfig,
    *,
    frames: int,
    batch_size: int,
    seed: int,
    prediction_type: PredictionType = "v_prediction",
) -> Losses:
    """The losses of a step as the loop wants them, over random crops of `frames` frames."""

    def losses(model: nn.Module, step: int, generator: torch.Generator) -> Mapping[str, Tensor]:
        assert isinstance(model, CoupledUNet)
        indices = batch_indices(len(clips), batch_size, seed=seed, step=step)
        batch = clips.crops(indices, frames=frames, generator=generator)
        mode = draw_modes(conditioning, batch=batch_size, frames=frames, generator=generator)
        noise = Prediction(*(torch.randn(clean.shape, generator=generator) for clean in batch))
        times = (mode.t_video, mode.t_audio)
        noisy = [diffuse(clean, e, t) for clean, e, t in zip(batch, noise, times, strict=True)]
        target = Prediction(
            *(
                prediction_target(clean, e, t, prediction_type=prediction_type)
                for clean, e, t in zip(batch, noise, times, strict=True)
            )
        )
        predicted = model(
            *noisy,
            t_video=mode.t_video,
            t_audio=mode.t_audio,
            video_hears=mode.video_hears,
            audio_hears=mode.audio_hears,
        )
        loss = denoising_loss(predicted, target, video_mask=mode.video_loss, audio_mask=mode.audio_loss)
        terms = {"loss": loss.total, "video": loss.video.detach(), "audio": loss.audio.detach()}
        return terms | _by_direction(predicted, target, mode.direction, mode.video_loss, mode.audio_loss)

    return losses


@torch.no_grad()
def _by_direction(
    predicted: Prediction, target: Prediction, direction: Tensor, video_mask: Tensor, audio_mask: Tensor
) -> dict[str, Tensor]:
    """The error of what each direction generates: a conditional one below the joint one says that the model listens."""
    audio = denoising_errors(predicted.audio, target.audio, mask=audio_mask)
    video = denoising_errors(predicted.video, target.video, mask=video_mask)
    terms = {}
    for index, name in enumerate(DIRECTIONS):
        chosen = direction == index
        if chosen.any():
            errors = video if name == "audio_to_video" else audio
            terms[name] = errors[chosen].mean()
    return terms
