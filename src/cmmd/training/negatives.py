"""Draws the negatives of the contrastive term for the items of a training batch (ours: decision 09).

Draws are made for every item of the global batch, contrasted or not, and a micro-batch selects those of its items. The
draws therefore do not depend on how the batch is cut.
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from cmmd.clips.geometry import SPECTROGRAM_FRAMES_PER_VIDEO_FRAME
from cmmd.diffusion.conditioning import Conditioning
from cmmd.diffusion.direction import DIRECTIONS
from cmmd.diffusion.mismatch import Mismatch, at_speed, draw_order, draw_speeds, shifted_order
from cmmd.losses.contrastive import ContrastiveConfig
from cmmd.models.blocks import Modality
from cmmd.training.objective import step_generator

TARGETS: tuple[Modality, Modality] = ("audio", "video")
"""The modalities that V2A and A2V generate, in the order of DIRECTIONS."""
JOINT = DIRECTIONS.index("joint")


class WholeBatch(NamedTuple):
    """The inputs of the draws: clip numbers and conditioning of all items of the global batch, seed and step."""

    clips: Int[Tensor, " b"]
    modes: Conditioning
    seed: int
    step: int

    def generator(self, *use: int | str) -> torch.Generator:
        """A generator of the random numbers for one use at this step."""
        return step_generator(self.seed, self.step, *use)

    def partners(self, items: Int[Tensor, " s"]) -> Int[Tensor, " s"]:
        """The other item of the pair (2 j, 2 j + 1) of each item. The last item of an odd batch is its own partner."""
        single = 2 * (len(self.clips) // 2)
        return torch.where(items == single, items, items ^ 1)


class WrongConditions(NamedTuple):
    """k mismatched conditions for each of s contrasted items of one direction.

    item: indices of the contrasted items in the micro-batch, padded so that s is the same in every micro-batch.
    counts: 1, or 0 for padding. speaker: item of the other stream whose messages are the condition; indices from the
    number of items on are the conditions at another speed. order: order of the blocks of the condition in time. valid:
    False where `other_clip` has no other clip. sped: speeds of the items' own conditions for the kind `speed`; empty
    without this kind.
    """

    item: Int[Tensor, " s"]
    counts: Float[Tensor, " s"]
    speaker: Int[Tensor, "k s"]
    order: Int[Tensor, "k s blocks"]
    valid: Bool[Tensor, "k s"]
    sped: Float[Tensor, " sped"]


class WrongTargets(NamedTuple):
    """k mismatched clean signals of a modality for each of b items of a micro-batch.

    counts: 1 for contrasted items, 0 for others. clip: item whose clean signal is used. order: order of its time steps.
    speeds: playback speed, 1 for other kinds than `speed`; None without this kind. valid: False where `other_clip` has
    no other clip.
    """

    counts: Float[Tensor, " b"]
    clip: Int[Tensor, "k b"]
    order: Int[Tensor, "k b time"]
    speeds: Float[Tensor, "k b"] | None
    valid: Bool[Tensor, "k b"]

    def of(self, clean: Float[Tensor, "b c ..."], *, modality: Modality) -> Float[Tensor, "kb c ..."]:
        """The wrong targets, built from the clean signals of the micro-batch."""
        axis = 2 if modality == "video" else 3
        signals = clean.index_select(0, self.clip.flatten())
        shape = [len(signals), *(1,) * (clean.ndim - 1)]
        shape[axis] = -1
        signals = signals.take_along_dim(self.order.flatten(0, 1).view(shape), dim=axis)
        return signals if self.speeds is None else at_speed(signals, self.speeds.flatten(), modality=modality)


class Negatives(NamedTuple):
    """The negatives for one target modality. None where the settings use no wrong conditions or no wrong targets."""

    conditions: WrongConditions | None
    targets: WrongTargets | None


def draw_negatives(
    config: ContrastiveConfig,
    target: Modality,
    batch: WholeBatch,
    items: Int[Tensor, " b"],
    *,
    slots: int,
    blocks: int,
    frames: int,
) -> Negatives:
    """The negatives of the items of a micro-batch, with `frames` video frames per item.

    items: the items of the micro-batch, as indices into the global batch. slots: the largest number of contrasted items
    that a micro-batch can have. blocks: number of blocks into which a condition is cut in time.
    """
    conditions = targets = None
    if config.of_conditions:
        conditions = _draw_wrong_conditions(config, target, batch, items, slots=slots, blocks=blocks, frames=frames)
    if config.of_targets:
        targets = _draw_wrong_targets(config, target, batch, items, frames=frames)
    return Negatives(conditions, targets)


def _draw_wrong_conditions(
    config: ContrastiveConfig,
    target: Modality,
    batch: WholeBatch,
    items: Int[Tensor, " b"],
    *,
    slots: int,
    blocks: int,
    frames: int,
) -> WrongConditions:
    """One mismatched condition of each kind for the contrasted items of the direction that generates `target`. The
    arguments are those of `draw_negatives`."""
    modes, kinds, size = batch.modes, config.mismatches, len(batch.clips)
    chosen = (modes.contrasted[items] & (modes.direction[items] == TARGETS.index(target))).nonzero().flatten()
    assert len(chosen) <= slots, "most_contrasted is a bound"
    item = torch.cat([chosen, chosen.new_zeros(slots - len(chosen))])
    in_batch = items[item]
    partner = batch.partners(in_batch)
    position = _position(partner, items)
    speaker, order, valid = [], [], []
    for kind in kinds:
        drawn = draw_order(kind, items=size, blocks=blocks, frames=frames, generator=batch.generator(kind, target))
        order.append(drawn[in_batch])
        speaker.append({"other_clip": position, "speed": len(items) + torch.arange(slots)}.get(kind, item))
        valid.append(_valid(kind, batch, in_batch))
    speeds = draw_speeds(size, generator=batch.generator("speeds", target))
    return WrongConditions(
        item=item,
        counts=(torch.arange(slots) < len(chosen)).float(),
        speaker=torch.stack(speaker),
        order=torch.stack(order),
        valid=torch.stack(valid),
        sped=speeds[in_batch] if "speed" in kinds else speeds[:0],
    )


def _draw_wrong_targets(
    config: ContrastiveConfig, target: Modality, batch: WholeBatch, items: Int[Tensor, " b"], *, frames: int
) -> WrongTargets:
    """`count` wrong targets of each kind for every item, grouped by kind. `counts` marks contrasted items."""
    size, kinds, count = len(batch.clips), config.mismatches, config.targets.count
    time = time_steps(target, frames)
    partner = _position(batch.partners(items), items)
    clip, order, valid, speeds = [], [], [], []
    for kind in kinds:
        for index in range(count):
            generator = batch.generator("targets", kind, target, index)
            drawn = draw_order(kind, items=size, blocks=time, frames=frames, generator=generator)
            if index and kind in ("other_clip", "reversed"):  # only one order exists: shift all but the first
                shifts = shifted_order(size, time, smallest=1, generator=generator)
                drawn = drawn.gather(1, shifts)
            clip.append(partner if kind == "other_clip" else torch.arange(len(items)))
            order.append(drawn[items])
            valid.append(_valid(kind, batch, items))
            sped = draw_speeds(size, generator=generator) if kind == "speed" else torch.ones(size)
            speeds.append(sped[items])
    return WrongTargets(
        counts=_contrasted_targets(config, target, batch.modes)[items].float(),
        clip=torch.stack(clip),
        order=torch.stack(order),
        speeds=torch.stack(speeds) if "speed" in kinds else None,
        valid=torch.stack(valid),
    )


def time_steps(modality: Modality, frames: int) -> int:
    """Number of time steps of `frames` video frames: video frames, or spectrogram frames for audio."""
    return frames if modality == "video" else frames * SPECTROGRAM_FRAMES_PER_VIDEO_FRAME


def _contrasted_targets(config: ContrastiveConfig, target: Modality, modes: Conditioning) -> Bool[Tensor, " b"]:
    """Whether each item generates `target`, hears the other modality and has a noise level that is contrasted.

    Joint items count only with `config.targets.joint`. The noise level of an item is its largest time t.
    """
    t, hears = (modes.t_video, modes.video_hears) if target == "video" else (modes.t_audio, modes.audio_hears)
    noise = t.amax(dim=1)
    wanted = modes.direction == TARGETS.index(target)
    if config.targets.joint:
        wanted = wanted | (modes.direction == JOINT)
    return wanted & hears & (noise >= config.targets.least_noise) & (noise <= config.targets.most_noise)


def _position(partner: Int[Tensor, " s"], items: Int[Tensor, " b"]) -> Int[Tensor, " s"]:
    """Index of each partner in the micro-batch. Only `other_clip` uses it, and micro-batches then hold whole pairs (see
    `BatchConfig.check_micro_batches`)."""
    return torch.searchsorted(items, partner).clamp(max=len(items) - 1)


def _valid(kind: Mismatch, batch: WholeBatch, items: Int[Tensor, " s"]) -> Bool[Tensor, " s"]:
    """False where the kind is `other_clip` and the partner shows the same clip."""
    is_other = batch.clips[batch.partners(items)] != batch.clips[items]
    return is_other if kind == "other_clip" else torch.ones_like(is_other)
