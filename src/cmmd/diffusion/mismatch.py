"""Mismatched conditions, with which a target is contrasted in training and in guidance (paper; ours: form).

A condition does not depend on the target, so most mismatched ones reuse messages that are already encoded:

- `other_clip`: the messages of another clip of the batch, unchanged.
- `time_shift`, `segment_swap`, `reversed`: the same clip in another order. Messages are reordered in equal blocks of
  the coarsest time grid. A block still contains information about its original neighbours, so at the seams the result
  differs from the messages of reordered latents.
- `speed`: the same clip faster or slower. The latents are resampled and encoded again, because no encoded message
  has another speed.
"""

import math
from typing import Literal, get_args

import torch
from jaxtyping import Float, Int
from torch import Tensor

from cmmd.models.blocks import Modality
from cmmd.models.exchange import Condition

Mismatch = Literal["other_clip", "time_shift", "segment_swap", "speed", "reversed"]
MISMATCHES: tuple[Mismatch, ...] = get_args(Mismatch)
SPEEDS = (0.7, 0.8, 1.25, 1.4)
SMALLEST_SHIFT = 2
"""Smallest shift, in video frames: 200 ms at 10 fps."""


def smallest_shift(blocks: int, frames: int) -> int:
    """Returns `SMALLEST_SHIFT` video frames in blocks, rounded up. Raises ValueError for clips too short for a circular
    shift of at least this size in both directions."""
    smallest = -(-SMALLEST_SHIFT * blocks // frames)
    if blocks < 2 * smallest:
        raise ValueError(f"a clip of {frames} frames, {blocks} blocks, cannot be shifted by {SMALLEST_SHIFT} frames")
    return smallest


def draw_order(
    kind: Mismatch, *, items: int, blocks: int, frames: int, generator: torch.Generator
) -> Int[Tensor, "b blocks"]:
    """Returns the order in which each item hears the blocks of a condition; 0, 1, 2, ... for kinds without reordering.

    Raises ValueError for clips too short for `time_shift` or `segment_swap`.
    """
    if kind == "time_shift":
        return shifted_order(items, blocks, smallest=smallest_shift(blocks, frames), generator=generator)
    if kind == "segment_swap":
        return swapped_order(items, blocks, generator=generator)
    if kind == "reversed":
        return torch.arange(blocks - 1, -1, -1).repeat(items, 1)
    return torch.arange(blocks).repeat(items, 1)


def draw_speeds(items: int, *, generator: torch.Generator) -> Float[Tensor, " b"]:
    """Draws one of SPEEDS for each item."""
    return torch.tensor(SPEEDS)[torch.randint(len(SPEEDS), (items,), generator=generator)]


def circularly_shifted(condition: Condition, *, frames: int, turn: int) -> Condition:
    """Shifts all items by one amount, which depends on `turn`: the mismatched condition of contrastive guidance.

    Successive turns cycle through all shifts that `time_shift` draws from. A single shift could equal the period of a
    rhythm and change nothing. Raises ValueError for clips too short to be shifted.
    """
    blocks = min(frames, *(message.shape[-1] for message in condition.messages))
    smallest = smallest_shift(blocks, frames)
    shifts = blocks - 2 * smallest + 1
    # A step coprime to the number of shifts visits each shift once per cycle.
    step = next(step for step in range(3, shifts + 4) if math.gcd(step, shifts) == 1)
    shift = smallest + step * turn % shifts
    order = ((torch.arange(blocks) - shift) % blocks).to(condition.messages[0].device)
    return condition.reordered(order.expand(condition.batch_size, -1))


def shifted_order(items: int, blocks: int, *, smallest: int, generator: torch.Generator) -> Int[Tensor, "b blocks"]:
    """Draws a circular shift for each item, by at least `smallest` blocks in either direction."""
    shifts = torch.randint(smallest, blocks - smallest + 1, (items,), generator=generator)
    return (torch.arange(blocks) - shifts[:, None]) % blocks


def swapped_order(items: int, blocks: int, *, generator: torch.Generator) -> Int[Tensor, "b blocks"]:
    """Draws for each item two stretches of equal length, one in each half, and swaps them.

    Raises ValueError for fewer than two blocks.
    """
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


def at_speed(
    latents: Float[Tensor, "b c ..."], speeds: Float[Tensor, " b"], *, modality: Modality
) -> Float[Tensor, "b c ..."]:
    """Resamples latents to play faster (speed above 1) or slower around the middle of the clip, with linear
    interpolation. Positions beyond an end wrap around to the other end."""
    axis = 2 if modality == "video" else 3
    x = latents.movedim(axis, -1)
    time = x.shape[-1]
    middle = (time - 1) / 2
    position = (middle + speeds[:, None] * (torch.arange(time, device=x.device) - middle)) % time
    low = position.long().clamp(max=time - 1)

    def at(index: Tensor) -> Tensor:
        return x.gather(-1, index.view(len(x), *(1,) * (x.ndim - 2), time).expand_as(x))

    part = (position - low).view(len(x), *(1,) * (x.ndim - 2), time)
    return torch.lerp(at(low), at((low + 1) % time), part.to(x)).movedim(-1, axis)
