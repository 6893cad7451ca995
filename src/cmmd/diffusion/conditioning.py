"""The draw for each item of a training batch: direction, times, hearing, and loss mask (ours: decision 01).

The two items of a pair, (0, 1), (2, 3), ..., have the same direction, and each serves as the other's mismatched clip.
The number of pairs of a direction is its share rounded down or up, drawn so that the share is exact on average
(systematic sampling). The numbers of dropped and contrasted items of a direction are drawn in the same way. The counts
determine the roles by batch index; the roles are not shuffled, because the clips of a batch are in random order.
"""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from cmmd.diffusion.direction import DIRECTIONS, Direction
from cmmd.diffusion.process import noisier


@dataclass(frozen=True, kw_only=True, slots=True)
class ConditioningConfig:
    """video_to_audio, audio_to_video, joint: shares of the items; they sum to 1. dropout: share that hears nothing.
    keep_clean: share with a stretch of the generated modality that stays clean.

    audio_noise, video_noise: factors on the noise-to-signal ratio of uniform times. Above 1, training concentrates on
    the noise levels at which the condition decides the result (decision 08). Raises ValueError for shares outside
    [0, 1], directions that do not sum to 1, and factors that are not finite and above 0.
    """

    video_to_audio: float = 0.4
    audio_to_video: float = 0.3
    joint: float = 0.3
    dropout: float = 0.1
    keep_clean: float = 0.1
    audio_noise: float = 1.0
    video_noise: float = 1.0

    def __post_init__(self) -> None:
        for name in (*DIRECTIONS, "dropout", "keep_clean"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected a share between 0 and 1")
        for name in ("audio_noise", "video_noise"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} is {getattr(self, name)}, expected a finite number above 0")
        total = sum(self.direction_probabilities)
        if not abs(total - 1.0) <= 1e-6:
            raise ValueError(f"video_to_audio, audio_to_video and joint sum to {total:g}, expected 1")

    @property
    def direction_probabilities(self) -> tuple[float, ...]:
        """Shares of the directions, in the order of DIRECTIONS."""
        return tuple(getattr(self, name) for name in DIRECTIONS)


class Conditioning(NamedTuple):
    """The draw of one batch. Times are 0 where a modality is clean. The loss masks are 1 on the generated frames.

    ``direction`` indexes DIRECTIONS and is non-decreasing over the pairs; the last item of an odd batch may have any
    direction. ``video_hears`` and ``audio_hears`` are False where the condition was dropped; they do not mark clean
    streams, because the network handles these itself. ``contrasted`` items are V2A or A2V and hear their condition.
    """

    t_video: Float[Tensor, "b f"]
    t_audio: Float[Tensor, "b f"]
    video_hears: Bool[Tensor, " b"]
    audio_hears: Bool[Tensor, " b"]
    video_loss: Float[Tensor, "b f"]
    audio_loss: Float[Tensor, "b f"]
    direction: Int[Tensor, " b"]
    contrasted: Bool[Tensor, " b"]

    def select(self, items: Int[Tensor, " chosen"]) -> "Conditioning":
        """Selects items, in the order given."""
        return Conditioning(*(tensor[items] for tensor in self))


def draw_conditioning(
    config: ConditioningConfig,
    *,
    batch: int,
    frames: int,
    fraction: float | int = 0,
    shared_time: bool = False,
    generator: torch.Generator,
) -> Conditioning:
    """Draws the conditioning of ``batch`` items of ``frames`` video frames, on the CPU.

    ``fraction``: share of the conditional items that hear which are contrasted. With ``shared_time`` both modalities of
    an item have the time of its video. The number of random values drawn depends only on ``batch``, so that two
    configurations draw the same times and stretches from equal generators.
    """

    def uniform() -> Tensor:
        return torch.rand(batch, generator=generator)

    direction, hears, contrasted = _draw_roles(config, batch=batch, fraction=fraction, generator=generator)
    makes_audio = direction != DIRECTIONS.index("audio_to_video")
    makes_video = direction != DIRECTIONS.index("video_to_audio")
    # 1 - [0, 1) is (0, 1]: it includes pure noise and excludes 0, the time of a clean modality.
    time_video, time_audio = (noisier(1 - uniform(), factor) for factor in (config.video_noise, config.audio_noise))
    if shared_time:
        time_audio = time_video
    clean = _clean_stretch(config.keep_clean, uniform(), uniform(), uniform(), frames=frames)
    # Both modalities of a joint item have the same clean stretch, as in the continuation of a joint clip.
    video_loss = (makes_video[:, None] & ~clean).float()
    audio_loss = (makes_audio[:, None] & ~clean).float()
    return Conditioning(
        t_video=time_video[:, None] * video_loss,
        t_audio=time_audio[:, None] * audio_loss,
        video_hears=hears,
        audio_hears=hears.clone(),
        video_loss=video_loss,
        audio_loss=audio_loss,
        direction=direction,
        contrasted=contrasted,
    )


def _draw_roles(
    config: ConditioningConfig, *, batch: int, fraction: float, generator: torch.Generator
) -> tuple[Int[Tensor, " b"], Bool[Tensor, " b"], Bool[Tensor, " b"]]:
    """Returns for every item its direction, whether it hears, and whether it is contrasted."""
    draws = torch.rand(10, generator=generator, dtype=torch.float64).tolist()
    pairs, single = divmod(batch, 2)
    counts = _counts(config, pairs, draws[0])
    direction, hears, contrasted = [], [], []
    for index, count in enumerate(counts):
        items = 2 * count
        dropped = _whole(config.dropout * items, draws[1 + index])
        conditional = index != DIRECTIONS.index("joint")
        chosen = _whole(fraction * (items - dropped), draws[4 + index]) if conditional else 0
        # Ranks run over the first items of all pairs, then the second ones: contrasted items fall into the most pairs.
        ranks = [rank for pair in range(count) for rank in (pair, count + pair)]
        direction += [index] * items
        hears += [rank < items - dropped for rank in ranks]
        contrasted += [rank < chosen for rank in ranks]
    if single:  # the last item of an odd batch has no pair; its roles are drawn separately
        edges = torch.tensor(config.direction_probabilities, dtype=torch.float64).cumsum(0)[:-1]
        index = int(torch.bucketize(torch.tensor(draws[7], dtype=torch.float64), edges, right=True))
        listens = draws[8] >= config.dropout
        direction.append(index)
        hears.append(listens)
        contrasted.append(listens and index != DIRECTIONS.index("joint") and draws[9] < fraction)
    return torch.tensor(direction), torch.tensor(hears), torch.tensor(contrasted)


def most_contrasted(
    config: ConditioningConfig, *, batch: int, micro_batches: int, fraction: float | int
) -> dict[Direction, int]:
    """Most contrasted items per direction that a micro-batch can hold, for pairs dealt to micro-batches in turn."""
    pairs, single = divmod(batch, 2)
    most: dict[Direction, int] = {}
    for name, probability in zip(DIRECTIONS, config.direction_probabilities, strict=True):
        share = round(pairs * probability, 9)
        # Both counts are tried: dropped items are whole numbers, so fewer pairs may give more contrasted items.
        counts = (math.floor(share), math.ceil(share))
        held = max(_most_held(config, count, micro_batches=micro_batches, fraction=fraction) for count in counts)
        alone = bool(single and probability and fraction and config.dropout < 1)
        most[name] = 0 if name == "joint" else held + alone
    return most


def _most_held(config: ConditioningConfig, count: int, *, micro_batches: int, fraction: float) -> int:
    """The number of `most_contrasted` for a direction with `count` pairs."""
    hearing = 2 * count - math.floor(round(2 * count * config.dropout, 9))
    chosen = math.ceil(round(fraction * hearing, 9))
    first, second = min(chosen, count), max(chosen - count, 0)
    return -(-first // micro_batches) + -(-second // micro_batches)


def _counts(config: ConditioningConfig, pairs: int, draw: float) -> list[int]:
    """Number of pairs of each direction: its share of them, rounded down or up."""
    shares = (pairs * sum(config.direction_probabilities[: n + 1]) for n in range(2))
    edges = [0, *(min(pairs, _whole(share, draw)) for share in shares), pairs]
    return [above - below for below, above in pairwise(edges)]


def _whole(share: float, draw: float) -> int:
    """Rounds the share up with the probability of its fractional digits, for a uniform draw.

    Digits beyond the ninth are rounding errors of the share and are ignored.
    """
    return math.floor(round(share, 9) + draw)


def _clean_stretch(
    probability: float, chosen: Tensor, length: Tensor, start: Tensor, *, frames: int
) -> Bool[Tensor, "b f"]:
    """Returns True on a random stretch of 1 to frames - 1 frames, in a share ``probability`` of the items.

    ``chosen``, ``length`` and ``start`` are uniform draws, one per item.
    """
    longest = frames - 1
    lengths = 1 + (length * longest).long().clamp(max=max(longest - 1, 0))
    starts = (start * (frames - lengths + 1)).long()
    position = torch.arange(frames, device=chosen.device)
    inside = (position >= starts[:, None]) & (position < (starts + lengths)[:, None])
    # A clean stretch in a clip of one frame would leave nothing to generate.
    return inside & (chosen < probability)[:, None] if longest else torch.zeros_like(inside)
