"""A training batch as a value: clips, noise, times, conditioning and negatives (ours: decision 05).

`draw_batch` is a pure function of clips, settings, seed and step. It makes all random choices for the global batch and
then cuts the batch, so the global batch does not depend on the number of micro-batches. Pairs of items are assigned to
the micro-batches in turn. All micro-batches therefore have the same shapes and almost the same number of items of each
direction.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Int
from torch import Tensor

from cmmd.data.training_clips import TrainingClips
from cmmd.diffusion.conditioning import Conditioning, ConditioningConfig, draw_conditioning, most_contrasted
from cmmd.diffusion.direction import DIRECTIONS
from cmmd.diffusion.mismatch import smallest_shift
from cmmd.losses.contrastive import ContrastiveConfig
from cmmd.models.exchange import OTHER, Prediction
from cmmd.models.network_config import NetworkConfig
from cmmd.training.negatives import TARGETS, Negatives, WholeBatch, draw_negatives, time_steps
from cmmd.training.objective import MicroBatch, step_generator


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchConfig:
    """size: items of the global batch. frames: video frames per item. network: gives the time blocks of conditions and
    whether both modalities of an item share one time.

    Raises ValueError if clips are too short for the negatives of the contrastive term, or if the conditioning or the
    contrastive term does not fit a network with `shared_time`.
    """

    size: int
    frames: int
    network: NetworkConfig
    conditioning: ConditioningConfig
    contrastive: ContrastiveConfig

    def __post_init__(self) -> None:
        if self.network.shared_time:
            self._check_shared_time()
        if not self.contrastive.weight:
            return
        grids = []
        if self.contrastive.of_conditions:
            grids += [self.network.time_blocks(OTHER[target], self.frames) for target in TARGETS]
        if self.contrastive.of_targets:
            grids += [time_steps(target, self.frames) for target in TARGETS]
        for blocks in grids:
            if "time_shift" in self.contrastive.mismatches:
                smallest_shift(blocks, self.frames)
            if "segment_swap" in self.contrastive.mismatches and blocks < 2:
                raise ValueError(f"a clip of {self.frames} frames, {blocks} blocks, has no two stretches to exchange")

    def _check_shared_time(self) -> None:
        given = self.conditioning
        for name, found, expected in (
            ("conditioning.joint", given.joint, 1),
            ("conditioning.dropout", given.dropout, 0),
            ("conditioning.keep_clean", given.keep_clean, 0),
            ("conditioning.audio_noise", given.audio_noise, given.video_noise),
            ("contrastive.weight", self.contrastive.weight, 0),
        ):
            if found != expected:
                raise ValueError(f"{name} is {found:g}, expected {expected:g} with network.shared_time")

    def check_micro_batches(self, count: int) -> None:
        """Raise ValueError if `count` micro-batches would split pairs of items that `other_clip` contrasts."""
        each = self.size // count
        if count > 1 and each % 2 and self.contrastive.weight and "other_clip" in self.contrastive.mismatches:
            raise ValueError(
                f"micro-batches of {each} items, expected an even number: other_clip contrasts the items of a pair"
            )


class Contrast(NamedTuple):
    """weight: weight of the contrastive term at this step. audio: negatives of V2A. video: negatives of A2V."""

    weight: float
    audio: Negatives
    video: Negatives


class TrainingBatch(NamedTuple):
    """A batch or a micro-batch.

    clips: clip numbers. clean: standardised latents and spectrograms. noise: Gaussian noise of the same shapes. modes:
    direction, times and loss masks of each item. contrast: None if the contrastive weight is 0 at this step. turn:
    random number in [0, 1) for the random shifts of the network, one for the global batch.
    """

    clips: Int[Tensor, " b"]
    clean: Prediction
    noise: Prediction
    modes: Conditioning
    contrast: Contrast | None
    turn: float


def draw_batch(
    clips: TrainingClips,
    config: BatchConfig,
    *,
    seed: int,
    step: int,
    micro_batch: MicroBatch = MicroBatch(),  # noqa: B008 - a constant
    video_clips: Int[Tensor, " k"] | None = None,
) -> TrainingBatch:
    """The batch of a step, or one micro-batch of it, on the CPU. Reads only the clips of the micro-batch.

    video_clips: those whose video is trained on; other clips are drawn for video to audio only. None: all. Raises
    ValueError if the micro-batches would split contrasted pairs, or if a clip is shorter than `frames`.
    """
    size, frames = config.size, config.frames
    config.check_micro_batches(micro_batch.count)
    generator = step_generator(seed, step, "items")
    numbers = paired(clips.batch(size, seed=seed, step=step))
    start, mirror = torch.rand(2, size, generator=generator)
    modes = draw_conditioning(
        config.conditioning,
        batch=size,
        frames=frames,
        shared_time=config.network.shared_time,
        fraction=config.contrastive.fraction,
        generator=step_generator(seed, step, "conditioning"),
    )
    numbers = numbers if video_clips is None else with_trained_video(numbers, modes, video_clips)
    items = dealt(size, micro_batch)
    clean = Prediction(*clips.crops(numbers[items], frames=frames, start=start[items], mirror=mirror[items]))
    weight = config.contrastive.weight_at(step)
    whole = WholeBatch(numbers, modes, seed, step)
    return TrainingBatch(
        clips=numbers[items],
        clean=clean,
        noise=Prediction(*(_noise(x, name, items, seed=seed, step=step) for name, x in clean._asdict().items())),
        modes=modes.select(items),
        contrast=_draw_contrast(config, weight, whole, items, micro_batch) if weight else None,
        turn=float(torch.rand((), generator=step_generator(seed, step, "turn"))),
    )


def paired(clips: Int[Tensor, " b"]) -> Int[Tensor, " b"]:
    """Reorders clips so that the two clips of each pair (2 j, 2 j + 1) differ, where exchanging two clips achieves it.
    The last clip of an odd number does not move."""
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


def with_trained_video(
    clips: Int[Tensor, " b"], modes: Conditioning, video_clips: Int[Tensor, " k"]
) -> Int[Tensor, " b"]:
    """Replaces the clips that are not in `video_clips` by some that are, in the items whose video is generated. The two
    clips of a pair still differ if there are two to choose from."""
    replaced = (modes.direction != DIRECTIONS.index("video_to_audio")) & ~torch.isin(clips, video_clips)
    numbers = torch.where(replaced, video_clips[clips % len(video_clips)], clips)
    for item in replaced.nonzero().flatten().tolist():
        other = item ^ 1
        if other < len(numbers) and numbers[item] == numbers[other]:
            numbers[item] = video_clips[(clips[item] + 1) % len(video_clips)]
    return numbers


def dealt(size: int, micro_batch: MicroBatch) -> Int[Tensor, " b"]:
    """Sorted indices of the items of a micro-batch.

    The first items of all pairs are assigned to the micro-batches in turn, then the second items. A micro-batch of an
    even number of items therefore has whole pairs, and contrasted items are spread evenly.
    """
    order = torch.cat([torch.arange(0, size, 2), torch.arange(1, size, 2)])
    return order[micro_batch.index :: micro_batch.count].sort().values


def _noise(clean: Tensor, modality: str, items: Tensor, *, seed: int, step: int) -> Tensor:
    """Gaussian noise with one generator per item, so that it does not depend on how the batch is cut."""
    draws = (
        torch.randn(x.shape, generator=step_generator(seed, step, "noise", modality, item))
        for x, item in zip(clean, items.tolist(), strict=True)
    )
    return torch.stack(list(draws))


def _draw_contrast(
    config: BatchConfig, weight: float, whole: WholeBatch, items: Int[Tensor, " b"], micro_batch: MicroBatch
) -> Contrast:
    most = most_contrasted(
        config.conditioning,
        batch=config.size,
        micro_batches=micro_batch.count,
        fraction=config.contrastive.fraction,
    )
    sides = {
        target: draw_negatives(
            config.contrastive,
            target,
            whole,
            items,
            slots=most[direction],
            blocks=config.network.time_blocks(OTHER[target], config.frames),
            frames=config.frames,
        )
        for target, direction in zip(TARGETS, DIRECTIONS, strict=False)
    }
    return Contrast(weight, **sides)
