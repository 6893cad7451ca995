"""The losses of a CMMD step, a pure function of model and batch (paper: the algorithm's inner part).

Denoising of what each item generates, plus the joint contrastive term: sound under other videos, and video under other
sounds (that is what is joint about it). Contrasted targets go through the network with the rest of the batch, as
further items that listen to mismatched conditions: one pass, whatever is contrasted.
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from cmmd.diffusion.conditioning import DIRECTIONS, Conditioning
from cmmd.diffusion.mismatch import Mismatch, at_speed
from cmmd.diffusion.process import PredictionType, diffuse, prediction_target
from cmmd.losses.contrastive import ContrastiveConfig, contrastive_losses
from cmmd.losses.denoising import denoising_errors
from cmmd.models.blocks import Modality
from cmmd.models.coupled_unet import CoupledUNet
from cmmd.models.exchange import Listening, Prediction
from cmmd.training.batch import Negatives, TrainingBatch
from cmmd.training.objective import Term

NOISE_LEVELS = 4
"""Equal parts of [0, 1] for which the gap is logged apart: a model listens most where noise leaves it most to guess."""


class Stream(NamedTuple):
    """One modality of a batch: standardised signal, noise, times, loss mask, who hears, what is contrasted."""

    modality: Modality
    clean: Float[Tensor, "b c ..."]
    noise: Float[Tensor, "b c ..."]
    t: Float[Tensor, "b f"]
    mask: Float[Tensor, "b f"]
    hears: Bool[Tensor, " b"]
    negatives: Negatives | None

    @classmethod
    def video_of(cls, batch: TrainingBatch) -> "Stream":
        modes, negatives = batch.modes, batch.contrast.video if batch.contrast else None
        signal = batch.clean.video, batch.noise.video
        return cls("video", *signal, modes.t_video, modes.video_loss, modes.video_hears, negatives)

    @classmethod
    def audio_of(cls, batch: TrainingBatch) -> "Stream":
        modes, negatives = batch.modes, batch.contrast.audio if batch.contrast else None
        signal = batch.clean.audio, batch.noise.audio
        return cls("audio", *signal, modes.t_audio, modes.audio_loss, modes.audio_hears, negatives)


class StreamErrors(NamedTuple):
    """d(x, c) of every item under its own condition, and of every contrasted one under k mismatched conditions."""

    matched: Float[Tensor, " b"]
    mismatched: Float[Tensor, "k s"] | None


def cmmd_losses(
    model: CoupledUNet,
    batch: TrainingBatch,
    *,
    contrastive: ContrastiveConfig,
    prediction_type: PredictionType = "v_prediction",
) -> dict[str, Term]:
    """Named terms: `loss` (denoising plus the weighted contrastive term), `video`, `audio`, one a direction and, with a
    contrast, `contrastive` and the gaps d(x, c-) - d(x, c+) of each kind, over all items and for each noise level."""
    video, audio = Stream.video_of(batch), Stream.audio_of(batch)
    predicted = _denoised(model, video, audio)
    video_errors = _errors(predicted.video, video, prediction_type)
    audio_errors = _errors(predicted.audio, audio, prediction_type)
    terms = _denoising_terms(video_errors.matched, audio_errors.matched, batch.modes)
    if batch.contrast is None:
        return terms
    sides = [(audio, audio_errors), (video, video_errors)]
    size = torch.full_like(video_errors.matched[0], len(batch.clips))
    # The mean over the batch, as of the denoising loss: an item weighs the same in any batch.
    contrast = Term(torch.stack([_contrastive_total(*side, contrastive) for side in sides]).sum(), size)
    loss = Term(terms["loss"].total + batch.contrast.weight * contrast.total, size)
    gaps = torch.stack([_gaps(*side) for side in sides]).sum(0)
    return terms | {"loss": loss, "contrastive": contrast} | _gap_terms(contrastive.mismatches, gaps)


def _denoised(model: CoupledUNet, video: Stream, audio: Stream) -> Prediction:
    """One pass: the items and, after them, the contrasted targets under each mismatched condition."""
    seen, t_video, video_hears = _network_input(video, audio)
    heard, t_audio, audio_hears = _network_input(audio, video)
    return model.denoise(
        seen,
        heard,
        t_video=t_video,
        t_audio=t_audio,
        video_hears=video_hears,
        audio_hears=audio_hears,
        video_listening=_listening(video, audio),
        audio_listening=_listening(audio, video),
    )


def _network_input(own: Stream, other: Stream) -> tuple[Tensor, Tensor, Tensor]:
    """Noisy latents, times and hearing of a stream: its items, then what it says at another speed to the targets that
    the other stream contrasts, then its own contrasted targets once for each mismatched condition."""
    noisy = diffuse(own.clean, own.noise, own.t)
    if own.negatives is None or other.negatives is None:
        return noisy, own.t, own.hears
    sped = other.negatives.item[: len(other.negatives.sped)]
    repeated = own.negatives.item.repeat(len(own.negatives.speaker))
    latents, times = [noisy], [own.t]
    if len(sped):
        clean = own.clean.index_select(0, sped)
        latents.append(at_speed(clean, other.negatives.sped, modality=own.modality))
        times.append(torch.zeros_like(own.t[:1]).expand(len(sped), -1))
    latents.append(noisy.index_select(0, repeated))
    times.append(own.t.index_select(0, repeated))
    hears = torch.cat([own.hears, own.hears.index_select(0, torch.cat([sped, repeated]))])
    return torch.cat(latents), torch.cat(times), hears


def _listening(own: Stream, other: Stream) -> Listening | None:
    """Items and conditions at another speed listen to the item of their number, contrasted targets as was drawn."""
    if own.negatives is None or other.negatives is None:
        return None
    items, device = len(own.clean), own.clean.device
    sped = other.negatives.item[: len(other.negatives.sped)]
    blocks = own.negatives.order.shape[-1]
    as_spoken = torch.arange(blocks, device=device).expand(items + len(sped), -1)
    return Listening(
        speakers=items + len(own.negatives.sped),
        speaker=torch.cat([torch.arange(items, device=device), sped, own.negatives.speaker.flatten()]),
        order=torch.cat([as_spoken, own.negatives.order.flatten(0, 1)]),
    )


def _errors(predicted: Tensor, stream: Stream, prediction_type: PredictionType) -> StreamErrors:
    target = prediction_target(stream.clean, stream.noise, stream.t, prediction_type=prediction_type)
    items = len(target)
    matched = denoising_errors(predicted[:items], target, mask=stream.mask)
    if stream.negatives is None:
        return StreamErrors(matched, None)
    k, slots = stream.negatives.speaker.shape
    repeated = stream.negatives.item.repeat(k)
    mismatched = denoising_errors(
        predicted[len(predicted) - k * slots :],
        target.index_select(0, repeated),
        mask=stream.mask.index_select(0, repeated),
    )
    return StreamErrors(matched, mismatched.view(k, slots))


def _denoising_terms(video: Float[Tensor, " b"], audio: Float[Tensor, " b"], modes: Conditioning) -> dict[str, Term]:
    """The loss of all items, the errors of each modality over those that generate it, and of each direction: of what it
    generates, sound where that is both. A conditional error below the joint one says that the model listens."""
    loss = Term((video + audio).sum(), torch.ones_like(video).sum())
    video, audio = video.detach(), audio.detach()
    terms = {
        "loss": loss,
        "video": Term(video.sum(), modes.video_loss.amax(dim=1).sum()),
        "audio": Term(audio.sum(), modes.audio_loss.amax(dim=1).sum()),
    }
    own = torch.where(modes.direction == DIRECTIONS.index("audio_to_video"), video, audio)
    which = (modes.direction == torch.arange(len(DIRECTIONS), device=own.device)[:, None]).to(own)
    totals, counts = which @ own, which.sum(1)
    return terms | {name: Term(totals[index], counts[index]) for index, name in enumerate(DIRECTIONS)}


def _contrastive_total(stream: Stream, errors: StreamErrors, config: ContrastiveConfig) -> Float[Tensor, ""]:
    """Sum of the term over the contrasted items of one direction."""
    negatives, mismatched = stream.negatives, errors.mismatched
    assert negatives is not None and mismatched is not None
    matched = errors.matched.index_select(0, negatives.item)
    return contrastive_losses(matched, mismatched, config, valid=negatives.valid) @ negatives.counts


@torch.no_grad()
def _gaps(stream: Stream, errors: StreamErrors) -> Float[Tensor, "k levels_and_all 2"]:
    """Sums and counts of d(x, c-) - d(x, c+) of one direction: over all its items, then for each noise level."""
    negatives, mismatched = stream.negatives, errors.mismatched
    assert negatives is not None and mismatched is not None
    gaps = mismatched - errors.matched.index_select(0, negatives.item)
    level = (stream.t.index_select(0, negatives.item).amax(dim=1) * NOISE_LEVELS).ceil() - 1
    inside = level[:, None] == torch.arange(NOISE_LEVELS, device=level.device)
    columns = torch.cat([torch.ones_like(inside[:, :1]), inside], dim=1).to(gaps)
    weights = negatives.valid * negatives.counts
    return torch.stack([(gaps * weights) @ columns, weights @ columns], dim=-1)


def _gap_terms(mismatches: tuple[Mismatch, ...], gaps: Float[Tensor, "k levels_and_all 2"]) -> dict[str, Term]:
    levels = ["", *(f"_noise{level + 1}" for level in range(NOISE_LEVELS))]
    return {
        f"gap_{kind}{level}": Term(gaps[row, column, 0], gaps[row, column, 1])
        for row, kind in enumerate(mismatches)
        for column, level in enumerate(levels)
    }
