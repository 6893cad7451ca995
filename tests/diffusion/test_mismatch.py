"""Wrong conditions: each kind is wrong in its own way, and messages stand for latents where the file says so."""

import math

import pytest
import torch
from torch import Tensor

from cmmd.diffusion.mismatch import (
    MISMATCHES,
    SPEEDS,
    at_speed,
    circularly_shifted,
    draw_order,
    draw_speeds,
    shifted_order,
    smallest_shift,
    swapped_order,
)
from cmmd.models.blocks import Modality
from cmmd.models.coupled_unet import CoupledUNet
from cmmd.models.exchange import Condition, reordered
from cmmd.models.network_config import NetworkConfig

FRAMES = 16


def video(items: int = 4) -> Tensor:
    return torch.randn(items, 4, FRAMES, 8, 8, generator=torch.Generator().manual_seed(1))


def sound(items: int = 4) -> Tensor:
    return torch.randn(items, 1, 64, 8 * FRAMES, generator=torch.Generator().manual_seed(2))


# Orders


@pytest.mark.parametrize("kind", MISMATCHES)
def test_each_kind_has_its_order(kind, generator):
    orders = draw_order(kind, items=300, blocks=8, frames=16, generator=generator)
    assert orders.shape == (300, 8)
    assert (orders.sort(dim=1).values == torch.arange(8)).all()
    shifts = (torch.arange(8) - orders) % 8
    is_shift = (shifts == shifts[:, :1]).all(dim=1)
    if kind == "time_shift":  # a block is two frames, 200 ms: one block away or more, either way round
        assert is_shift.all()
        assert sorted(shifts[:, 0].unique().tolist()) == [1, 2, 3, 4, 5, 6, 7]
    elif kind == "segment_swap":
        inverse = torch.stack([order[order] for order in orders])
        assert (inverse == torch.arange(8)).all()
        moved = (orders != torch.arange(8)).sum(dim=1)
        assert sorted(moved.unique().tolist()) == [2, 4, 6, 8]  # two stretches of 1 to 4 blocks
        assert (orders[:, :4] != torch.arange(4)).any(0).all() and (orders[:, 4:] != torch.arange(4, 8)).any(0).all()
    elif kind == "reversed":
        assert (orders == torch.arange(7, -1, -1)).all()
    else:
        assert (orders == torch.arange(8)).all()


def test_shifts_of_frames_are_two_or_more_either_way(generator):
    orders = draw_order("time_shift", items=400, blocks=8, frames=8, generator=generator)
    assert sorted(((-orders[:, 0]) % 8).unique().tolist()) == [2, 3, 4, 5, 6]


@pytest.mark.parametrize("kind", ["time_shift", "segment_swap"])
@pytest.mark.parametrize("latents", [video(), sound()], ids=["video", "audio"])
def test_reordering_changes_every_message_of_every_item(unet, latents, kind, generator):
    condition = unet.encode_condition(latents, modality="video" if latents.ndim == 5 else "audio")
    wrong = condition.reordered(draw_order(kind, items=4, blocks=8, frames=FRAMES, generator=generator))
    assert wrong.modality == condition.modality
    for right, message in zip(condition.messages, wrong.messages, strict=True):
        assert message.shape == right.shape
        assert ((message - right).abs().flatten(1).amax(1) > 1e-3).all()


def difference(unet: CoupledUNet, latents: Tensor, order: Tensor) -> Tensor:
    """How far reordered messages are from the messages of reordered latents, over their deviation; (blocks,)."""
    modality = "video" if latents.ndim == 5 else "audio"
    axis = 2 if modality == "video" else 3
    moved = reordered(latents.movedim(axis, -1), order).movedim(-1, axis)
    condition, encoded = (unet.encode_condition(x, modality=modality) for x in (latents, moved))
    blocks = order.shape[1]
    parts = []
    for message, exact in zip(condition.messages, encoded.messages, strict=True):
        error = (reordered(message, order) - exact).square().mean((0, 1)).unflatten(0, (blocks, -1)).mean(1)
        parts.append(error / exact.var())
    return torch.stack(parts).mean(0).sqrt()


@pytest.mark.parametrize("latents", [video(), sound()], ids=["video", "audio"])
def test_shifted_messages_differ_from_those_of_shifted_latents_most_at_the_seams(unet, latents):
    blocks = 8
    order = ((torch.arange(blocks) - 4) % blocks).expand(4, -1)
    found = difference(unet, latents, order)
    seams = torch.tensor([True, False, False, True, True, False, False, True])  # both ends, and both sides of the join
    assert found[seams].mean() > 1.5 * found[~seams].mean()
    assert found.mean() < 0.5  # a different clip would be at 1.4
    assert difference(unet, latents, torch.arange(blocks).expand(4, -1)).max() < 1e-5


def test_shifts_keep_their_distance_both_ways(generator):
    order = shifted_order(500, 8, smallest=2, generator=generator)
    shifts = (torch.arange(8) - order) % 8
    assert (shifts == shifts[:, :1]).all()
    assert sorted(shifts[:, 0].unique().tolist()) == [2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("blocks", "frames", "smallest"), [(16, 16, 2), (8, 16, 1), (6, 8, 2), (4, 4, 2), (2, 4, 1), (3, 8, 1)]
)
def test_the_smallest_shift_is_two_frames_or_more(blocks, frames, smallest):
    assert smallest_shift(blocks, frames) == smallest
    assert smallest * frames / blocks >= 2 > (smallest - 1) * frames / blocks


@pytest.mark.parametrize(("blocks", "frames"), [(1, 2), (3, 3), (1, 16)])
def test_a_clip_without_two_such_shifts_is_told(blocks, frames, generator):
    with pytest.raises(ValueError, match=f"a clip of {frames} frames, {blocks} blocks, cannot be shifted by 2 frames"):
        draw_order("time_shift", items=1, blocks=blocks, frames=frames, generator=generator)


def test_one_block_has_nothing_to_exchange(generator):
    with pytest.raises(ValueError, match="a clip of 1 blocks has no two stretches to exchange"):
        draw_order("segment_swap", items=1, blocks=1, frames=4, generator=generator)


@pytest.mark.parametrize("blocks", [2, 3, 8])
def test_swapping_exchanges_two_stretches_and_is_its_own_inverse(generator, blocks):
    for order in swapped_order(200, blocks, generator=generator):
        assert sorted(order.tolist()) == list(range(blocks))
        assert torch.equal(order[order], torch.arange(blocks))
        assert not torch.equal(order, torch.arange(blocks))


# Speeds


def test_speeds_are_all_drawn_and_none_is_the_clips_own(generator):
    speeds = draw_speeds(400, generator=generator)
    found, counts = speeds.unique(return_counts=True)
    torch.testing.assert_close(found, torch.tensor(sorted(SPEEDS)))
    assert 1.0 not in SPEEDS and counts.min() > 60


def slower_or_faster(row: list[float], speed: float) -> list[float]:
    """One row of numbers at another speed: from the middle outwards, going round at its ends."""
    count = len(row)
    middle = (count - 1) / 2
    found = []
    for index in range(count):
        position = (middle + speed * (index - middle)) % count
        low = math.floor(position)
        share = position - low
        found.append((1 - share) * row[low % count] + share * row[(low + 1) % count])
    return found


@pytest.mark.parametrize(("modality", "shape"), [("video", (4, 2, 9, 2, 3)), ("audio", (4, 2, 3, 24))])
def test_speed_is_that_of_a_loop(modality: Modality, shape, generator):
    latents = torch.randn(shape, generator=generator, dtype=torch.float64)
    found = at_speed(latents, torch.tensor(SPEEDS, dtype=torch.float64), modality=modality)
    axis = 2 if modality == "video" else 3
    rows, moved = latents.movedim(axis, -1).flatten(1, -2), found.movedim(axis, -1).flatten(1, -2)
    for item, speed in enumerate(SPEEDS):
        expected = [slower_or_faster(row, speed) for row in rows[item].tolist()]
        torch.testing.assert_close(moved[item], torch.tensor(expected, dtype=torch.float64), rtol=0, atol=1e-12)
    torch.testing.assert_close(
        at_speed(latents.float(), torch.tensor(SPEEDS), modality=modality), found.float(), rtol=0, atol=1e-5
    )


def test_speed_moves_an_event_away_from_the_middle():
    x = torch.zeros(2, 1, 4, 33)
    x[..., 20] = 1
    faster, slower = at_speed(x, torch.tensor([2.0, 0.5]), modality="audio")
    assert int(faster.amax((0, 1)).argmax()) == 18
    assert int(slower.amax((0, 1)).argmax()) == 24
    torch.testing.assert_close(at_speed(x, torch.ones(2), modality="audio"), x)


# Guidance


def numbered(modality: Modality, frames: int) -> Condition:
    """Messages of the network's time grids that say which video frame they are of."""
    config = NetworkConfig()
    rates = {float(config.time_rate(modality, level)) for level in range(config.levels)}
    return Condition(modality, tuple(torch.arange(round(rate * frames)).view(1, 1, -1) / rate for rate in rates))


def frames_taken() -> list[int]:
    """Numbers of video frames, of 8 to 48, that the default network takes."""
    taken = []
    for frames in range(8, 49):
        try:
            NetworkConfig().check_clip(frames=frames)
        except ValueError:
            continue
        taken.append(frames)
    return taken


@pytest.mark.parametrize("modality", ["video", "audio"])
def test_guidances_shifts_visit_every_distance_before_they_come_back(modality: Modality):
    assert len(frames_taken()) > 20
    for frames in frames_taken():
        # Video is reordered frame by frame, sound by the steps of its coarsest grid, of two frames each.
        step = 1 if modality == "video" else 2
        allowed = [distance for distance in range(0, frames, step) if 2 <= distance <= frames - 2]
        condition = numbered(modality, frames)
        found = []
        for turn in range(3 * len(allowed)):
            shifted = circularly_shifted(condition, frames=frames, turn=turn)
            distances = set()
            for before, after in zip(condition.messages, shifted.messages, strict=True):
                distance = (before - after) % frames
                assert (distance == distance[..., :1]).all()
                distances.add(round(distance[0, 0, 0].item()))
            assert len(distances) == 1
            found += distances
        for start in range(0, len(found), len(allowed)):
            assert sorted(found[start : start + len(allowed)]) == allowed


def test_guidance_shifts_all_items_alike(unet):
    condition = unet.encode_condition(video(3), modality="video")
    shifted = [circularly_shifted(condition, frames=FRAMES, turn=turn) for turn in (0, 1)]
    for before, first, second in zip(condition.messages, *(part.messages for part in shifted), strict=True):
        assert torch.equal(first, before.roll(2, dims=-1))
        assert torch.equal(second, before.roll(5, dims=-1))
