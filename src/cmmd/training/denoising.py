"""One training step of CMMD: clips, times, noise, prediction, loss and contrast (paper: the algorithm's outer loop)."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from cmmd.data.training_clips import TrainingClips
from cmmd.diffusion.conditioning import DIRECTIONS, Conditioning, ConditioningConfig, draw_modes
from cmmd.diffusion.mismatch import mismatched_condition
from cmmd.diffusion.process import PredictionType, diffuse, prediction_target
from cmmd.losses.contrastive import ContrastiveConfig, contrastive_losses, errors_under
from cmmd.losses.denoising import denoising_errors, denoising_loss
from cmmd.models.blocks import Modality
from cmmd.models.coupled_unet import Condition, CoupledUNet, Exchange, Prediction
from cmmd.training.loop import Losses, Part

NOISE_LEVELS = 4
"""Parts of [0, 1] for which the gap is logged apart: a model listens most where the noise leaves it most to guess."""


def denoising_step(
    clips: TrainingClips,
    conditioning: ConditioningConfig,
    *,
    frames: int,
    batch_size: int,
    seed: int,
    prediction_type: PredictionType = "v_prediction",
    contrastive: ContrastiveConfig | None = None,
) -> Losses:
    """The losses of a step as the loop wants them, over random crops of `frames` frames."""
    contrastive = contrastive or ContrastiveConfig()

    def losses(model: nn.Module, part: Part, generator: torch.Generator) -> Mapping[str, Tensor]:
        assert isinstance(model, CoupledUNet)
        indices = part.of(clips.batch(batch_size, seed=seed, step=part.step))
        # Everything is drawn on the CPU, where a seed means the same numbers on every machine.
        clean = Prediction(*clips.crops(indices, frames=frames, generator=generator))
        mode = draw_modes(conditioning, batch=len(indices), frames=frames, generator=generator).to(model.device)
        noise = Prediction(*(torch.randn(x.shape, generator=generator).to(model.device) for x in clean))
        clean = Prediction(*(x.to(model.device) for x in clean))
        times = (mode.t_video, mode.t_audio)
        noisy = [diffuse(x, e, t) for x, e, t in zip(clean, noise, times, strict=True)]
        target = Prediction(
            *(
                prediction_target(x, e, t, prediction_type=prediction_type)
                for x, e, t in zip(clean, noise, times, strict=True)
            )
        )
        exchange = model.exchange(
            *noisy,
            t_video=mode.t_video,
            t_audio=mode.t_audio,
            video_hears=mode.video_hears,
            audio_hears=mode.audio_hears,
        )
        predicted = exchange.prediction
        loss = denoising_loss(predicted, target, video_mask=mode.video_loss, audio_mask=mode.audio_loss)
        terms = {"loss": loss.total, "video": loss.video.detach(), "audio": loss.audio.detach()}
        terms |= _by_direction(predicted, target, mode)
        weight = contrastive.weight_at(part.step)
        if weight:
            contrast = _contrast(
                model, clean, noise, target, exchange, mode, contrastive, generator, prediction_type=prediction_type
            )
            terms["loss"] = terms["loss"] + weight * contrast["contrastive"]
            terms |= contrast | {"contrastive": contrast["contrastive"].detach()}
        return terms

    return losses


@torch.no_grad()
def _by_direction(predicted: Prediction, target: Prediction, mode: Conditioning) -> dict[str, Tensor]:
    """The error of what each direction generates: a conditional one below the joint one says that the model listens."""
    audio = denoising_errors(predicted.audio, target.audio, mask=mode.audio_loss)
    video = denoising_errors(predicted.video, target.video, mask=mode.video_loss)
    terms = {}
    for index, name in enumerate(DIRECTIONS):
        chosen = mode.direction == index
        if chosen.any():
            errors = video if name == "audio_to_video" else audio
            terms[name] = errors[chosen].mean()
    return terms


def _contrast(
    model: CoupledUNet,
    clean: Prediction,
    noise: Prediction,
    target: Prediction,
    exchange: Exchange,
    mode: Conditioning,
    config: ContrastiveConfig,
    generator: torch.Generator,
    *,
    prediction_type: PredictionType,
) -> dict[str, Tensor]:
    """The term, as a mean over the batch, and the gaps, which are missing where no item of the batch is conditional.

    Both directions: sound under other videos, and video under other sounds (that is what is joint about it).
    """
    batch = len(mode.direction)
    frames = mode.t_video.shape[1]
    sides: tuple[tuple[Modality, Condition, Tensor, Tensor, Tensor], ...] = (
        ("audio", exchange.from_video, mode.t_audio, mode.audio_loss, mode.audio_hears),
        ("video", exchange.from_audio, mode.t_video, mode.video_loss, mode.video_hears),
    )
    losses: list[Tensor] = []
    gaps: list[Tensor] = []
    levels: list[Tensor] = []
    for (modality, said, t, mask, hears), direction in zip(sides, ("video_to_audio", "audio_to_video"), strict=True):
        eligible = torch.nonzero((mode.direction == DIRECTIONS.index(direction)) & hears).flatten()
        chosen = eligible[: round(config.fraction * len(eligible))]
        counts = len(chosen) >= 2  # a clip alone has no other clip
        if not counts:
            # Stand-ins that count for nothing: processes that hold shares of the weights gather them pass by pass, so
            # that all must make the same passes whatever each has drawn.
            chosen = torch.arange(min(2, batch), device=mode.direction.device)
        x, e = (getattr(pair, modality)[chosen] for pair in (clean, noise))
        speaker = clean.video if modality == "audio" else clean.audio
        condition = said.select(chosen)
        negatives = [
            mismatched_condition(
                kind, condition, unet=model, latents=speaker[chosen], frames=frames, generator=generator
            )
            for kind in config.mismatches
        ]
        wrong = errors_under(
            model,
            x,
            e,
            t[chosen],
            negatives,
            modality=modality,
            mask=mask[chosen],
            prediction_type=prediction_type,
        )
        own, aim = (getattr(pair, modality)[chosen] for pair in (exchange.prediction, target))
        right = denoising_errors(own, aim, mask=mask[chosen])
        losses.append(contrastive_losses(right, wrong, config) * counts)
        if counts:
            gaps.append((wrong - right[:, None]).detach())
            levels.append(t[chosen].amax(dim=1))
    # The mean over the batch, as of the denoising loss: an item weighs the same in any batch.
    term = {"contrastive": torch.cat(losses).sum() / batch}
    return term | _gaps(torch.cat(gaps), torch.cat(levels), config) if gaps else term


def _gaps(gaps: Tensor, levels: Tensor, config: ContrastiveConfig) -> dict[str, Tensor]:
    """d(x, c-) - d(x, c+) of each kind, over all items and for each noise level: above 0 where the model listens."""
    terms = {}
    level = (levels * NOISE_LEVELS).ceil().long() - 1
    for column, kind in enumerate(config.mismatches):
        terms[f"gap_{kind}"] = gaps[:, column].mean()
        for index in range(NOISE_LEVELS):
            if (level == index).any():
                terms[f"gap_{kind}_noise{index + 1}"] = gaps[level == index, column].mean()
    return terms
