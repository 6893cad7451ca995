"""The losses of a CMMD step, a pure function of model and batch (paper: the inner loop of the algorithm).

The loss is the denoising loss of the modalities that each item generates, plus the joint contrastive term. The term
contrasts both sound and video (hence joint): with wrong conditions, wrong targets, or both. Targets under wrong
conditions are appended to the batch as further items, so that every step takes one pass of the network.
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
"""Number of equal intervals of the time t in [0, 1] whose gaps are logged separately. A model uses its condition most
at high noise levels."""


Side = Literal["conditions", "targets"]
"""The member of a (condition, target) pair that negatives replace."""


class Stream(NamedTuple):
    """One modality of a batch: standardised signal, noise, times, loss mask (1 on generated video frames), whether each
    item hears its condition, and the negatives (None without a contrastive term)."""

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
    """The network's output for one stream.

    predicted: output for all rows of the network input (see `_network_input`), the items of the batch first. target:
    regression target of the items. errors: error d(x, c) of each item under its own condition.
    """

    predicted: Float[Tensor, "all_of_them c ..."]
    target: Float[Tensor, "b ct ..."]
    errors: Float[Tensor, " b"]

    @classmethod
    def of(cls, stream: Stream, predicted: Tensor, prediction_type: PredictionType) -> "Answer":
        target = prediction_target(stream.clean, stream.noise, stream.t, prediction_type=prediction_type)
        return cls(predicted, target, denoising_errors(predicted[: len(target)], target, mask=stream.mask))


class Compared(NamedTuple):
    """Distances of s items to their matched and to k mismatched conditions or targets.

    valid: False where an item has no such mismatch. counts: 1 for contrasted items, 0 for others. t: largest time of
    each item.
    """

    matched: Float[Tensor, " s"]
    mismatched: Float[Tensor, "k s"]
    valid: Bool[Tensor, "k s"]
    counts: Float[Tensor, " s"]
    t: Float[Tensor, " s"]

    @classmethod
    def of_both(cls, audio: "Compared", video: "Compared") -> "Compared":
        """Concatenates the items of both modalities."""
        return cls(*(torch.cat(pair, dim=-1) for pair in zip(audio, video, strict=True)))

    def total(self, config: ContrastiveConfig) -> Float[Tensor, ""]:
        """Sum of the contrastive term over the contrasted items."""
        return contrastive_losses(self.matched, self.mismatched, config, valid=self.valid) @ self.counts

    @torch.no_grad()
    def gaps(self) -> Float[Tensor, "k levels_and_all 2"]:
        """Sums and counts of mismatched - matched for each negative: over all noise levels, then for each one."""
        level = (self.t * NOISE_LEVELS).ceil() - 1
        inside = level[:, None] == torch.arange(NOISE_LEVELS, device=level.device)
        columns = torch.cat([torch.ones_like(inside[:, :1]), inside], dim=1).to(self.matched)
        weights = self.valid * self.counts
        return torch.stack([((self.mismatched - self.matched) * weights) @ columns, weights @ columns], dim=-1)


class Answers(NamedTuple):
    """seen: output for video. heard: output for audio. compared: distances to negatives, audio items before video
    items; empty without a contrastive term."""

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
    """Returns terms by name: `loss` (denoising loss plus weighted contrastive term), `video`, `audio` and one term per
    direction. If the batch has negatives, also `contrastive` and the gaps of each kind, over all noise levels and for
    each noise level.

    `gap_...` is d(x, c-) - d(x, c+): the error under a wrong condition minus the error under the right one.
    `target_gap_...` is the mean squared distance of the implied clean signal to wrong targets minus the distance to the
    right one.
    """
    seen, heard, compared = answers(model, batch, prediction_type=prediction_type)
    terms = _denoising_terms(seen.errors, heard.errors, batch.modes)
    if batch.contrast is None:
        return terms
    size = torch.full_like(seen.errors[0], len(batch.clips))
    # Like the denoising loss, a mean over all items of the batch: an item has the same weight in every batch.
    contrast = Term(torch.stack([found.total(contrastive) for found in compared.values()]).sum(), size)
    loss = Term(terms["loss"].total + batch.contrast.weight * contrast.total, size)
    gaps = _gap_terms(contrastive.mismatches, compared)
    return terms | {"loss": loss, "contrastive": contrast} | gaps


def answers(model: CoupledUNet, batch: TrainingBatch, *, prediction_type: PredictionType) -> Answers:
    """Run the network once and return the outputs from which the losses are computed."""
    video, audio = Stream.video_of(batch), Stream.audio_of(batch)
    predicted = _denoised(model, video, audio, turn=batch.turn)
    seen = Answer.of(video, predicted.video, prediction_type)
    heard = Answer.of(audio, predicted.audio, prediction_type)
    if batch.contrast is None:
        return Answers(seen, heard, {})
    sounds, pictures = _compared(audio, heard, prediction_type), _compared(video, seen, prediction_type)
    return Answers(seen, heard, {side: Compared.of_both(sounds[side], pictures[side]) for side in sounds})


def _denoised(model: CoupledUNet, video: Stream, audio: Stream, *, turn: float) -> Prediction:
    """One pass of the network on the rows of `_network_input` for both streams."""
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
    """Noisy latents, times and `hears` of one stream.

    The rows are: its items; its clean signals at another speed, which are conditions for the contrasted targets of the
    other stream (kind `speed`); and its contrasted targets, once for each mismatched condition.
    """
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
    """The messages that each row of `_network_input` receives: items and conditions at another speed receive those of
    the same item, contrasted targets those of the drawn wrong condition. None if there are no wrong conditions."""
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
    """The terms `loss` over all items, `video` and `audio` over the items that generate the modality, and one term per
    direction: the error of the generated modality (audio for joint items). A conditional error below the joint error
    shows that the model uses its condition."""
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
    """The distances of a stream to its negatives, by the side of the pair that is mismatched."""
    assert stream.negatives is not None
    conditions, targets = stream.negatives
    found: dict[Side, Compared] = {}
    if conditions is not None:
        found["conditions"] = _under_conditions(stream, answer, conditions)
    if targets is not None:
        found["targets"] = _to_targets(stream, answer, targets, prediction_type)
    return found


def _under_conditions(stream: Stream, answer: Answer, conditions: WrongConditions) -> Compared:
    """Denoising errors of the contrasted targets under wrong conditions, which are the last rows of
    `answer.predicted`."""
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
    """Distances of the clean signals that the predictions imply to the right and to the wrong targets."""
    k, items = targets.clip.shape
    predicted = answer.predicted[:items]
    target, clean = (signal[:, : predicted.shape[1]] for signal in (answer.target, stream.clean))
    implied = implied_clean(predicted, target, clean, stream.t, prediction_type=prediction_type)
    candidates = torch.cat([clean, targets.of(clean, modality=stream.modality)])
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
    """Gap terms of each kind of mismatch, over all noise levels and for each noise level."""
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
