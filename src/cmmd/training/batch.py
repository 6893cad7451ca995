"""A training batch as a value: clips, noise, times, who hears, and who is contrasted with what (ours: decision 05).

`draw_batch` is a pure function of clips, settings, seed and step. It decides everything for the whole batch and then
cuts it: pairs of items are dealt to the micro-batches in turn, so that all have the same shapes and almost the same
numbers of each direction, and the whole batch is the same however it is cut.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from cmmd.data.training_clips import TrainingClips
from cmmd.diffusion.conditioning import DIRECTIONS, Conditioning, ConditioningConfig, draw_conditioning, most_contrasted
from cmmd.diffusion.mismatch import draw_order, draw_speeds, smallest_shift
from cmmd.losses.contrastive import ContrastiveConfig
from cmmd.models.blocks import Modality
from cmmd.models.exchange import OTHER, Prediction
from cmmd.models.network_config import NetworkConfig
from cmmd.training.objective import MicroBatch, step_generator

TARGETS: tuple[Modality, Modality] = ("audio", "video")
"""What V2A and A2V generate, in the order of DIRECTIONS."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchConfig:
    """size: items of a batch. frames: video frames of an item. network: whose messages are contrasted.

    Raises ValueError when the contrastive term asks for what such clips do not have.
    """

    size: int
    frames: int
    network: NetworkConfig
    conditioning: ConditioningConfig
    contrastive: ContrastiveConfig

    def __post_init__(self) -> None:
        if not self.contrastive.weight:
            return
        for target in TARGETS:
            blocks = self.network.time_blocks(OTHER[target], self.frames)
            if "time_shift" in self.contrastive.mismatches:
                smallest_shift(blocks, self.frames)
            if "segment_swap" in self.contrastive.mismatches and blocks < 2:
                raise ValueError(f"a clip of {self.frames} frames, {blocks} blocks, has no two stretches to exchange")

    def check_micro_batches(self, count: int) -> None:
        """Raise ValueError when pairs of items cannot stay together in as many micro-batches."""
        each = self.size // count
        if count > 1 and each % 2 and self.contrastive.weight and "other_clip" in self.contrastive.mismatches:
            raise ValueError(
                f"micro-batches of {each} items, expected an even number: other_clip contrasts the items of a pair"
            )


class Negatives(NamedTuple):
    """Contrasted items of one direction, by their number in the micro-batch, and k mismatched conditions for each.

    There are as many entries in every micro-batch: `counts` is 0 for those that only fill up.
    speaker: the item of the other stream that is heard; those from the number of items on are `sped`.
    order: of the stretches of time that is heard. valid: False where there is no other clip.
    sped: speeds of the items' own conditions, for the kind `speed`; empty without it.
    """

    item: Int[Tensor, " s"]
    counts: Float[Tensor, " s"]
    speaker: Int[Tensor, "k s"]
    order: Int[Tensor, "k s blocks"]
    valid: Bool[Tensor, "k s"]
    sped: Float[Tensor, " sped"]


class Contrast(NamedTuple):
    """weight: of the term at this step. audio: negatives of V2A. video: of A2V."""

    weight: float
    audio: Negatives
    video: Negatives


class TrainingBatch(NamedTuple):
    """clips: their numbers. clean: standardised latents and spectrograms. noise: of the same shapes."""

    clips: Int[Tensor, " b"]
    clean: Prediction
    noise: Prediction
    modes: Conditioning
    contrast: Contrast | None


def draw_batch(
    clips: TrainingClips,
    config: BatchConfig,
    *,
    seed: int,
    step: int,
    micro_batch: MicroBatch = MicroBatch(),  # noqa: B008 - a constant
) -> TrainingBatch:
    """The batch of a step on the CPU, or one micro-batch of it, whose clips alone are read."""
    size, frames = config.size, config.frames
    config.check_micro_batches(micro_batch.count)
    generator = step_generator(seed, step, "items")
    numbers = paired(clips.batch(size, seed=seed, step=step))
    start, mirror = torch.rand(2, size, generator=generator)
    modes = draw_conditioning(
        config.conditioning,
        batch=size,
        frames=frames,
        fraction=config.contrastive.fraction,
        generator=step_generator(seed, step, "conditioning"),
    )
    items = dealt(size, micro_batch)
    clean = Prediction(*clips.crops(numbers[items], frames=frames, start=start[items], mirror=mirror[items]))
    weight = config.contrastive.weight_at(step)
    return TrainingBatch(
        clips=numbers[items],
        clean=clean,
        noise=Prediction(*(_noise(x, name, items, seed=seed, step=step) for name, x in clean._asdict().items())),
        modes=modes.select(items),
        contrast=_draw_contrast(config, weight, numbers, modes, items, micro_batch, seed=seed, step=step)
        if weight
        else None,
    )


def paired(clips: Int[Tensor, " b"]) -> Int[Tensor, " b"]:
    """The same clips with no pair (2 j, 2 j + 1) of one clip, wherever exchanging two of them can do that. The last one
    of an odd number stays where it is."""
    numbers = clips.tolist()
    pairs = range(0, len(numbers) - 1, 2)
    for first in pairs:
        same = numbers[first]
        if numbers[first + 1] != same:
            continue
        free = [other for other in pairs if same not in numbers[other : other + 2]]
        if free:
            other = min(free, key=lambda other: (other - first) % len(numbers))
            numbers[first + 1], numbers[other] = numbers[other], same
    return torch.tensor(numbers)


def dealt(size: int, micro_batch: MicroBatch) -> Int[Tensor, " b"]:
    """The items of a micro-batch: the first items of all pairs are dealt to the micro-batches in turn, then the second
    ones. A micro-batch of an even number of items so has whole pairs, and contrasted items are spread evenly."""
    order = torch.cat([torch.arange(0, size, 2), torch.arange(1, size, 2)])
    return order[micro_batch.index :: micro_batch.count].sort().values


def _noise(clean: Tensor, modality: str, items: Tensor, *, seed: int, step: int) -> Tensor:
    """An item's noise does not depend on how the batch is cut."""
    draws = (
        torch.randn(x.shape, generator=step_generator(seed, step, "noise", modality, item))
        for x, item in zip(clean, items.tolist(), strict=True)
    )
    return torch.stack(list(draws))


def _draw_contrast(
    config: BatchConfig,
    weight: float,
    numbers: Tensor,
    modes: Conditioning,
    items: Tensor,
    micro_batch: MicroBatch,
    *,
    seed: int,
    step: int,
) -> Contrast:
    most = most_contrasted(
        config.conditioning, batch=config.size, micro_batches=micro_batch.count, fraction=config.contrastive.fraction
    )
    sides = {
        target: _draw_negatives(config, target, numbers, modes, items, slots=most[direction], seed=seed, step=step)
        for target, direction in zip(TARGETS, DIRECTIONS, strict=False)
    }
    return Contrast(weight, **sides)


def _draw_negatives(
    config: BatchConfig,
    target: Modality,
    numbers: Tensor,
    modes: Conditioning,
    items: Tensor,
    *,
    slots: int,
    seed: int,
    step: int,
) -> Negatives:
    """Drawn for every item of the whole batch, then looked up for the contrasted ones of a micro-batch."""
    size, kinds = config.size, config.contrastive.mismatches
    blocks = config.network.time_blocks(OTHER[target], config.frames)
    chosen = (modes.contrasted[items] & (modes.direction[items] == TARGETS.index(target))).nonzero().flatten()
    assert len(chosen) <= slots, "most_contrasted is a bound"
    item = torch.cat([chosen, chosen.new_zeros(slots - len(chosen))])
    in_batch = items[item]
    partner = torch.where(in_batch == 2 * (size // 2), in_batch, in_batch ^ 1)  # the last of an odd batch is alone
    # Pairs stay together: where a micro-batch holds single items, there is no contrast with other clips.
    position = torch.searchsorted(items, partner).clamp(max=len(items) - 1)
    speaker, order, valid = [], [], []
    for kind in kinds:
        drawn = draw_order(
            kind,
            items=size,
            blocks=blocks,
            frames=config.frames,
            generator=step_generator(seed, step, kind, target),
        )
        order.append(drawn[in_batch])
        speaker.append({"other_clip": position, "speed": len(items) + torch.arange(slots)}.get(kind, item))
        is_other = numbers[partner] != numbers[in_batch]
        valid.append(is_other if kind == "other_clip" else torch.ones_like(is_other))
    speeds = draw_speeds(size, generator=step_generator(seed, step, "speeds", target))
    return Negatives(
        item=item,
        counts=(torch.arange(slots) < len(chosen)).float(),
        speaker=torch.stack(speaker),
        order=torch.stack(order),
        valid=torch.stack(valid),
        sped=speeds[in_batch] if "speed" in kinds else speeds[:0],
    )
