"""The losses of a CMMD step, a pure function of model and batch (paper: the algorithm's inner part).

Denoising of what each item generates, plus the joint contrastive term: sound under other videos, and video under other
sounds (that is what is joint about it). Contrasted targets go through the network with the rest of the batch, as
further items that listen to mismatched conditions: one pass, whatever is contrasted.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from cmmd.diffusion.conditioning import DIRECTIONS
from cmmd.diffusion.mismatch import Mismatch, at_speed
from cmmd.diffusion.process import PredictionType, diffuse, prediction_target
from cmmd.losses.contrastive import ContrastiveConfig, contrastive_losses
from cmmd.losses.denoising import denoising_errors
from cmmd.models.blocks import Modality
from cmmd.models.coupled_unet import CoupledUNet
from cmmd.models.exchange import OTHER, Listening, Prediction
from cmmd.training.batch import TARGETS, Contrast, Negatives, TrainingBatch
from cmmd.training.objective import Term

NOISE_LEVELS = 4
"""Equal parts of [0, 1] for which the gap is logged apart: a model listens most where noise leaves it most to guess."""


def cmmd_losses(
    model: CoupledUNet,
    batch: TrainingBatch,
    *,
    contrastive: ContrastiveConfig,
    prediction_type: PredictionType = "v_prediction",
) -> dict[str, Term]:
    """Named terms: `loss` (denoising plus the weighted contrastive term), `video`, `audio`, one a direction and, with a
    contrast, `contrastive` and the gaps d(x, c-) - d(x, c+) of each kind, over all items and for each noise level."""
    modes = batch.modes
    times = Prediction(modes.t_video, modes.t_audio)
    pairs = list(zip(batch.clean, batch.noise, times, strict=True))
    noisy = Prediction(*(diffuse(x, e, t) for x, e, t in pairs))
    targets = Prediction(*(prediction_target(x, e, t, prediction_type=prediction_type) for x, e, t in pairs))
    predicted = _denoised(model, batch, noisy)
    items = len(batch.clips)
    video = denoising_errors(predicted.video[:items], targets.video, mask=modes.video_loss)
    audio = denoising_errors(predicted.audio[:items], targets.audio, mask=modes.audio_loss)
    terms = _denoising_terms(video, audio, batch)
    if batch.contrast is not None:
        right = Prediction(video, audio)
        parts = _contrast_terms(batch.contrast, batch, predicted, targets, right, contrastive)
        total = terms["loss"].total + batch.contrast.weight * parts["contrastive"].total
        terms |= {"loss": Term(total, terms["loss"].count)} | parts
    return {name: term if name == "loss" else Term(term.total.detach(), term.count) for name, term in terms.items()}


def _denoised(model: CoupledUNet, batch: TrainingBatch, noisy: Prediction) -> Prediction:
    """One pass: the items and, after them, the contrasted targets under each mismatched condition."""
    modes, contrast = batch.modes, batch.contrast
    times = {"video": modes.t_video, "audio": modes.t_audio}
    hears = {"video": modes.video_hears, "audio": modes.audio_hears}
    if contrast is None:
        return model.denoise(
            *noisy,
            t_video=times["video"],
            t_audio=times["audio"],
            video_hears=hears["video"],
            audio_hears=hears["audio"],
        )
    latents, listening = {}, {}
    for name, x in noisy._asdict().items():
        own, other = (getattr(contrast, modality) for modality in (name, OTHER[name]))
        latents[name], times[name], hears[name] = _with_negatives(
            x, getattr(batch.clean, name), times[name], hears[name], own=own, other=other, modality=name
        )
        listening[name] = _listening(own, other, items=len(batch.clips))
    return model.denoise(
        latents["video"],
        latents["audio"],
        t_video=times["video"],
        t_audio=times["audio"],
        video_hears=hears["video"],
        audio_hears=hears["audio"],
        video_listening=listening["video"],
        audio_listening=listening["audio"],
    )


def _with_negatives(
    noisy: Tensor, clean: Tensor, t: Tensor, hears: Tensor, *, own: Negatives, other: Negatives, modality: Modality
) -> tuple[Tensor, Tensor, Tensor]:
    """Latents, times and hearing of a stream: the items, conditions at another speed, and its contrasted targets."""
    sped = other.item[: len(other.sped)]
    repeated = own.item.repeat(len(own.speaker))
    conditions = [at_speed(clean.index_select(0, sped), other.sped, modality=modality)] if len(sped) else []
    return (
        torch.cat([noisy, *conditions, noisy.index_select(0, repeated)]),
        torch.cat([t, torch.zeros_like(t[:1]).expand(len(sped), -1), t.index_select(0, repeated)]),
        torch.cat([hears, hears.index_select(0, torch.cat([sped, repeated]))]),
    )


def _listening(own: Negatives, other: Negatives, *, items: int) -> Listening:
    """Items and conditions at another speed listen to the item of their number, contrasted targets as is drawn."""
    sped = other.item[: len(other.sped)]
    straight = torch.arange(items, device=own.item.device)
    blocks = own.order.shape[-1]
    order = torch.arange(blocks, device=own.item.device).expand(items + len(sped), -1)
    return Listening(
        speakers=items + len(own.sped),
        speaker=torch.cat([straight, sped, own.speaker.flatten()]),
        order=torch.cat([order, own.order.flatten(0, 1)]),
    )


def _denoising_terms(video: Float[Tensor, " b"], audio: Float[Tensor, " b"], batch: TrainingBatch) -> dict[str, Term]:
    """The loss of all items, the errors of each modality over those that generate it, and of each direction: of what it
    generates, sound where that is both. A conditional error below the joint one says that the model listens."""
    modes = batch.modes
    terms = {"loss": Term((video + audio).sum(), torch.ones_like(video).sum())}
    for name, errors, mask in (("video", video, modes.video_loss), ("audio", audio, modes.audio_loss)):
        terms[name] = Term(errors.sum(), mask.amax(dim=1).sum())
    own = torch.where(modes.direction == DIRECTIONS.index("audio_to_video"), video, audio)
    indices = torch.arange(len(DIRECTIONS), device=own.device)
    which = (modes.direction == indices[:, None]).to(own)
    return terms | _named(DIRECTIONS, which @ own, which.sum(1))


def _contrast_terms(
    contrast: Contrast,
    batch: TrainingBatch,
    predicted: Prediction,
    targets: Prediction,
    right: Prediction,
    config: ContrastiveConfig,
) -> dict[str, Term]:
    items = len(batch.clips)
    levels = {"video": batch.modes.t_video, "audio": batch.modes.t_audio}
    masks = {"video": batch.modes.video_loss, "audio": batch.modes.audio_loss}
    loss, gap_totals, gap_counts = [], [], []
    for name in TARGETS:
        negatives: Negatives = getattr(contrast, name)
        k, slots = negatives.speaker.shape
        repeated = negatives.item.repeat(k)
        wrong = denoising_errors(
            getattr(predicted, name)[len(getattr(predicted, name)) - k * slots :],
            getattr(targets, name).index_select(0, repeated),
            mask=masks[name].index_select(0, repeated),
        ).view(k, slots)
        matched = getattr(right, name).index_select(0, negatives.item)
        loss.append(contrastive_losses(matched, wrong, config, valid=negatives.valid) @ negatives.counts)
        level = levels[name].index_select(0, negatives.item).amax(dim=1)
        totals, counts = _gaps((wrong - matched).detach(), level, negatives)
        gap_totals.append(totals)
        gap_counts.append(counts)
    total, count = sum(gap_totals), sum(gap_counts)
    names = _gap_names(config.mismatches)
    # The mean over the batch, as of the denoising loss: an item weighs the same in any batch.
    size = torch.full_like(loss[0], items)
    return {"contrastive": Term(loss[0] + loss[1], size)} | _named(names, total.flatten(), count.flatten())


def _gaps(gaps: Float[Tensor, "k s"], t: Float[Tensor, " s"], negatives: Negatives) -> tuple[Tensor, Tensor]:
    """Sums and counts (k, 1 + levels): over all, then for each noise level."""
    level = (t * NOISE_LEVELS).ceil() - 1
    inside = level[:, None] == torch.arange(NOISE_LEVELS, device=t.device)
    columns = torch.cat([torch.ones_like(t)[:, None], inside.to(t)], dim=1)
    weights = negatives.valid * negatives.counts
    return (gaps * weights) @ columns, weights.to(t) @ columns


def _gap_names(mismatches: tuple[Mismatch, ...]) -> list[str]:
    levels = ["", *(f"_noise{level + 1}" for level in range(NOISE_LEVELS))]
    return [f"gap_{kind}{level}" for kind in mismatches for level in levels]


def _named(names: "tuple[str, ...] | list[str]", totals: Tensor, counts: Tensor) -> dict[str, Term]:
    return {name: Term(total, count) for name, total, count in zip(names, totals, counts, strict=True)}
