"""The losses of a CMMD step, a pure function of model and batch (paper: the algorithm's inner part).

Denoising of what each item generates, plus the joint contrastive term: sound and video under other conditions, or
against other sounds and videos (that is what is joint about it). Targets under mismatched conditions go through the
network with the rest of the batch, as further items: one pass, whatever is contrasted.
"""

from typing import Literal, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from cmmd.diffusion.conditioning import Conditioning
from cmmd.diffusion.direction import DIRECTIONS
from cmmd.diffusion.mismatch import Mismatch, at_speed
from cmmd.diffusion.process import PredictionType, diffuse, implied_clean, prediction_target
from cmmd.losses.contrastive import ContrastiveConfig, contrastive_losses
from cmmd.losses.denoising import denoising_errors
from cmmd.models.blocks import Modality
from cmmd.models.coupled_unet import CoupledUNet
from cmmd.models.exchange import Listening, Prediction
from cmmd.training.batch import TrainingBatch
from cmmd.training.negatives import Negatives, WrongConditions, WrongTargets
from cmmd.training.objective import Term

NOISE_LEVELS = 4
"""Equal parts of [0, 1] for which the gap is logged apart: a model listens most where noise leaves it most to guess."""


Side = Literal["conditions", "targets"]
"""Of a pair of condition and target: the one that negatives mismatch."""


class Stream(NamedTuple):
    """One modality of a batch: standardised signal, noise, times, loss mask, who hears, what is contrasted."""

    modality: Modality
    clean: Float[Tensor, "b c ..."]
    noise: Float[Tensor, "b c ..."]
    t: Float[Tensor, "b f"]
    mask: Float[Tensor, "b f"]
    hears: Bool[Tensor, " b"]
    negatives: Negatives | None

    @property
    def wrong_conditions(self) -> WrongConditions | None:
        return self.negatives.conditions if self.negatives else None

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


class Answer(NamedTuple):
    """What the network says of a stream's items and of its contrasted targets, what it should say of the items, and
    the error d(x, c) of each item under its own condition."""

    predicted: Float[Tensor, "all_of_them c ..."]
    target: Float[Tensor, "b c ..."]
    errors: Float[Tensor, " b"]

    @classmethod
    def of(cls, stream: Stream, predicted: Tensor, prediction_type: PredictionType) -> "Answer":
        target = prediction_target(stream.clean, stream.noise, stream.t, prediction_type=prediction_type)
        return cls(predicted, target, denoising_errors(predicted[: len(target)], target, mask=stream.mask))


class Compared(NamedTuple):
    """Distances of contrasted items to the matched and to k mismatched conditions or targets.

    t: noisiest time of each. counts: 0 for those that are not contrasted.
    """

    matched: Float[Tensor, " s"]
    mismatched: Float[Tensor, "k s"]
    valid: Bool[Tensor, "k s"]
    counts: Float[Tensor, " s"]
    t: Float[Tensor, " s"]

    @classmethod
    def of_both(cls, audio: "Compared", video: "Compared") -> "Compared":
        """One after the other."""
        return cls(*(torch.cat(pair, dim=-1) for pair in zip(audio, video, strict=True)))

    def total(self, config: ContrastiveConfig) -> Float[Tensor, ""]:
        """Sum of the term over the items."""
        return contrastive_losses(self.matched, self.mismatched, config, valid=self.valid) @ self.counts

    @torch.no_grad()
    def gaps(self) -> Float[Tensor, "k levels_and_all 2"]:
        """Sums and counts of mismatched - matched: over all items, then for each noise level."""
        level = (self.t * NOISE_LEVELS).ceil() - 1
        inside = level[:, None] == torch.arange(NOISE_LEVELS, device=level.device)
        columns = torch.cat([torch.ones_like(inside[:, :1]), inside], dim=1).to(self.matched)
        weights = self.valid * self.counts
        return torch.stack([((self.mismatched - self.matched) * weights) @ columns, weights @ columns], dim=-1)


class Answers(NamedTuple):
    """Of both streams, and what the sounds and the pictures, one after the other, are contrasted with."""

    seen: Answer
    heard: Answer
    compared: dict[Side, Compared]


def cmmd_losses(
    model: CoupledUNet,
    batch: TrainingBatch,
    *,
    contrastive: ContrastiveConfig,
    prediction_type: PredictionType = "v_prediction",
) -> dict[str, Term]:
    """Named terms: `loss` (denoising plus the weighted contrastive term), `video`, `audio`, one a direction and, with a
    contrast, `contrastive` and the gaps of each kind, at all noise levels and at each.

    `gap_` is d(x, c-) - d(x, c+), the error under a wrong condition less that under the own one; `target_gap_` is by
    how much the implied clean signal is further from wrong targets than from its own, in mean square.
    """
    seen, heard, compared = answers(model, batch, prediction_type=prediction_type)
    terms = _denoising_terms(seen.errors, heard.errors, batch.modes)
    if batch.contrast is None:
        return terms
    size = torch.full_like(seen.errors[0], len(batch.clips))
    # The mean over the batch, as of the denoising loss: an item weighs the same in any batch.
    contrast = Term(torch.stack([found.total(contrastive) for found in compared.values()]).sum(), size)
    loss = Term(terms["loss"].total + batch.contrast.weight * contrast.total, size)
    gaps = _gap_terms(contrastive.mismatches, compared)
    return terms | {"loss": loss, "contrastive": contrast} | gaps


def answers(model: CoupledUNet, batch: TrainingBatch, *, prediction_type: PredictionType) -> Answers:
    """One pass of the network, and what its losses are made of."""
    video, audio = Stream.video_of(batch), Stream.audio_of(batch)
    predicted = _denoised(model, video, audio, turn=batch.turn)
    seen = Answer.of(video, predicted.video, prediction_type)
    heard = Answer.of(audio, predicted.audio, prediction_type)
    if batch.contrast is None:
        return Answers(seen, heard, {})
    sounds, pictures = _compared(audio, heard, prediction_type), _compared(video, seen, prediction_type)
    return Answers(seen, heard, {side: Compared.of_both(sounds[side], pictures[side]) for side in sounds})


def _denoised(model: CoupledUNet, video: Stream, audio: Stream, *, turn: float) -> Prediction:
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
        turn=turn,
    )


def _network_input(own: Stream, other: Stream) -> tuple[Tensor, Tensor, Tensor]:
    """Noisy latents, times and hearing of a stream: its items, then what it says at another speed to the targets that
    the other stream contrasts, then its own contrasted targets once for each mismatched condition."""
    noisy, wrong, others = diffuse(own.clean, own.noise, own.t), own.wrong_conditions, other.wrong_conditions
    if wrong is None or others is None:
        return noisy, own.t, own.hears
    sped = others.item[: len(others.sped)]
    repeated = wrong.item.repeat(len(wrong.speaker))
    latents, times = [noisy], [own.t]
    if len(sped):
        clean = own.clean.index_select(0, sped)
        latents.append(at_speed(clean, others.sped, modality=own.modality))
        times.append(torch.zeros_like(own.t[:1]).expand(len(sped), -1))
    latents.append(noisy.index_select(0, repeated))
    times.append(own.t.index_select(0, repeated))
    hears = torch.cat([own.hears, own.hears.index_select(0, torch.cat([sped, repeated]))])
    return torch.cat(latents), torch.cat(times), hears


def _listening(own: Stream, other: Stream) -> Listening | None:
    """Items and conditions at another speed listen to the item of their number, contrasted targets as was drawn."""
    wrong, others = own.wrong_conditions, other.wrong_conditions
    if wrong is None or others is None:
        return None
    items, device = len(own.clean), own.clean.device
    sped = others.item[: len(others.sped)]
    blocks = wrong.order.shape[-1]
    as_spoken = torch.arange(blocks, device=device).expand(items + len(sped), -1)
    return Listening(
        speakers=items + len(wrong.sped),
        speaker=torch.cat([torch.arange(items, device=device), sped, wrong.speaker.flatten()]),
        order=torch.cat([as_spoken, wrong.order.flatten(0, 1)]),
    )


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


def _compared(stream: Stream, answer: Answer, prediction_type: PredictionType) -> dict[Side, Compared]:
    """What a stream is contrasted with, by the side of the pair that is mismatched."""
    assert stream.negatives is not None
    conditions, targets = stream.negatives
    found: dict[Side, Compared] = {}
    if conditions is not None:
        found["conditions"] = _under_conditions(stream, answer, conditions)
    if targets is not None:
        found["targets"] = _to_targets(stream, answer, targets, prediction_type)
    return found


def _under_conditions(stream: Stream, answer: Answer, conditions: WrongConditions) -> Compared:
    """Errors of contrasted targets, the last that the network said."""
    k, slots = conditions.speaker.shape
    repeated = conditions.item.repeat(k)
    mismatched = denoising_errors(
        answer.predicted[len(answer.predicted) - k * slots :],
        answer.target.index_select(0, repeated),
        mask=stream.mask.index_select(0, repeated),
    )
    return Compared(
        matched=answer.errors.index_select(0, conditions.item),
        mismatched=mismatched.view(k, slots),
        valid=conditions.valid,
        counts=conditions.counts,
        t=stream.t.index_select(0, conditions.item).amax(dim=1),
    )


def _to_targets(stream: Stream, answer: Answer, targets: WrongTargets, prediction_type: PredictionType) -> Compared:
    """Distances of the clean signals that the predictions imply."""
    k, items = targets.clip.shape
    implied = implied_clean(
        answer.predicted[:items], answer.target, stream.clean, stream.t, prediction_type=prediction_type
    )
    candidates = torch.cat([stream.clean, targets.of(stream.clean, modality=stream.modality)])
    distances = denoising_errors(
        implied.repeat(k + 1, *(1,) * (implied.ndim - 1)), candidates, mask=stream.mask.repeat(k + 1, 1)
    ).view(k + 1, items)
    return Compared(
        matched=distances[0],
        mismatched=distances[1:],
        valid=targets.valid,
        counts=targets.counts,
        t=stream.t.amax(dim=1),
    )


def _gap_terms(kinds: tuple[Mismatch, ...], compared: dict[Side, Compared]) -> dict[str, Term]:
    """Gaps by kind, at all noise levels and at each."""
    terms, levels = {}, ["", *(f"_noise{level + 1}" for level in range(NOISE_LEVELS))]
    for name, found in compared.items():
        gaps = found.gaps().unflatten(0, (len(kinds), -1)).sum(1)
        prefix = "target_gap" if name == "targets" else "gap"
        terms |= {
            f"{prefix}_{kind}{level}": Term(gaps[row, column, 0], gaps[row, column, 1])
            for row, kind in enumerate(kinds)
            for column, level in enumerate(levels)
        }
    return terms
