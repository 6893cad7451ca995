"""Conditions that do not belong: what a target is contrasted with, in training and in guidance (paper; ours: form).

A condition only speaks, so most negatives are made of messages that are there already and cost no pass of its U-Net:

- `other_clip`: another clip of the batch. Exactly what that clip says.
- `time_shift`, `segment_swap`: the same clip in another order. Messages are reordered in whole blocks of their coarsest
  grid; they keep what they knew of their neighbours, so that they differ from those of reordered latents at the seams.
- `speed`: the same clip faster or slower. No message has another speed: the latents are resampled and encoded again.
"""

from typing import Literal, get_args

import torch
from jaxtyping import Float, Int
from torch import Tensor

from cmmd.models.blocks import Modality
from cmmd.models.coupled_unet import Condition, CoupledUNet

Mismatch = Literal["other_clip", "time_shift", "segment_swap", "speed"]
MISMATCHES: tuple[Mismatch, ...] = get_args(Mismatch)
SPEEDS = (0.7, 0.8, 1.25, 1.4)
SMALLEST_SHIFT = 2
"""Video frames: 200 ms at 10 fps."""


def mismatched_condition(
    kind: Mismatch,
    condition: Condition,
    *,
    unet: CoupledUNet,
    latents: Float[Tensor, "b c ..."],
    frames: int,
    generator: torch.Generator,
) -> Condition:
    """A wrong condition for every item. `latents` are those that `condition` was encoded from.

    Raises ValueError when `other_clip` has one item only, and for clips too short to be reordered.
    """
    items = condition.batch_size
    if kind == "other_clip":
        if items < 2:
            raise ValueError("other_clip needs a batch of at least 2 items")
        return condition.select(torch.arange(items).roll(int(torch.randint(1, items, (1,), generator=generator))))
    if kind == "speed":
        speeds = torch.tensor(SPEEDS)[torch.randint(len(SPEEDS), (items,), generator=generator)]
        faster = at_speed(latents, speeds.to(latents), modality=condition.modality)
        return unet.encode_condition(faster, modality=condition.modality)
    blocks = time_blocks(condition, frames)
    if kind == "time_shift":
        order = shifted_order(items, blocks, smallest=_smallest_shift(blocks, frames), generator=generator)
    else:
        order = swapped_order(items, blocks, generator=generator)
    return Condition(condition.modality, tuple(reordered(message, order) for message in condition.messages))


def circularly_shifted(condition: Condition, *, frames: int, turn: int) -> Condition:
    """Every item shifted alike, by another amount at each turn: what guidance pushes away from.

    The amounts go round all that `time_shift` draws from, so that a rhythm cannot hide in a shift by its own period.
    """
    blocks = time_blocks(condition, frames)
    smallest = _smallest_shift(blocks, frames)
    shift = smallest + 3 * turn % (blocks - 2 * smallest + 1)
    order = ((torch.arange(blocks) - shift) % blocks).expand(condition.batch_size, -1)
    return Condition(condition.modality, tuple(reordered(message, order) for message in condition.messages))


def time_blocks(condition: Condition, frames: int) -> int:
    """The number of stretches of time that every message can be cut into: that of its coarsest grid."""
    return min(frames, *(message.shape[-1] for message in condition.messages))


def _smallest_shift(blocks: int, frames: int) -> int:
    return -(-SMALLEST_SHIFT * blocks // frames)


def shifted_order(items: int, blocks: int, *, smallest: int, generator: torch.Generator) -> Int[Tensor, "b blocks"]:
    """A circular shift an item by at least `smallest` blocks either way. Raises ValueError where none is left."""
    if blocks < 2 * smallest:
        raise ValueError(f"a clip of {blocks} blocks cannot be shifted by {smallest} or more both ways")
    shifts = torch.randint(smallest, blocks - smallest + 1, (items,), generator=generator)
    return (torch.arange(blocks) - shifts[:, None]) % blocks


def swapped_order(items: int, blocks: int, *, generator: torch.Generator) -> Int[Tensor, "b blocks"]:
    """Two stretches of equal length exchanged, one in each half, an item. Raises ValueError below two blocks."""
    if blocks < 2:
        raise ValueError(f"a clip of {blocks} blocks has no two stretches to exchange")
    half = blocks // 2
    orders = torch.arange(blocks).repeat(items, 1)
    for order in orders:
        length = int(torch.randint(1, half + 1, (1,), generator=generator))
        first = int(torch.randint(0, half - length + 1, (1,), generator=generator))
        second = half + int(torch.randint(0, blocks - half - length + 1, (1,), generator=generator))
        order[first : first + length] = torch.arange(second, second + length)
        order[second : second + length] = torch.arange(first, first + length)
    return orders


def reordered(x: Float[Tensor, "b ... time"], order: Int[Tensor, "b blocks"]) -> Float[Tensor, "b ... time"]:
    """The blocks of the last axis, whatever its length, in another order for each item."""
    blocks = order.shape[1]
    cut = x.unflatten(-1, (blocks, x.shape[-1] // blocks))
    return torch.stack([item.index_select(-2, own) for item, own in zip(cut, order.to(x.device), strict=True)]).flatten(
        -2
    )


def at_speed(
    latents: Float[Tensor, "b c ..."], speeds: Float[Tensor, " b"], *, modality: Modality
) -> Float[Tensor, "b c ..."]:
    """Latents played faster (above 1) or slower, from the middle outwards, linearly interpolated; what runs out repeats
    from the other end."""
    axis = 2 if modality == "video" else 3
    x = latents.movedim(axis, -1)
    time = x.shape[-1]
    middle = (time - 1) / 2
    position = (middle + speeds[:, None] * (torch.arange(time, device=x.device) - middle)) % time
    low = position.long().clamp(max=time - 1)
    part = (position - low).view(len(x), *(1,) * (x.ndim - 2), time)
    before = torch.stack([item[..., own] for item, own in zip(x, low, strict=True)])
    after = torch.stack([item[..., own] for item, own in zip(x, (low + 1) % time, strict=True)])
    return torch.lerp(before, after, part.to(x)).movedim(-1, axis)
