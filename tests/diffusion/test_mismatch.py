"""Wrong conditions: each kind is wrong in its own way, and messages stand for latents where the file says so."""

import pytest
import torch
from torch import Tensor

from cmmd.diffusion.mismatch import (
    MISMATCHES,
    at_speed,
    circularly_shifted,
    mismatched_condition,
    reordered,
    shifted_order,
    swapped_order,
    time_blocks,
)
from cmmd.models.coupled_unet import CoupledUNet

FRAMES = 16


def video(items: int = 4) -> Tensor:
    return torch.randn(items, 4, FRAMES, 8, 8, generator=torch.Generator().manual_seed(1))


def sound(items: int = 4) -> Tensor:
    return torch.randn(items, 1, 64, 8 * FRAMES, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("kind", MISMATCHES)
@pytest.mark.parametrize("latents", [video(), sound()], ids=["video", "audio"])
def test_every_kind_changes_every_item_and_keeps_its_shape(unet, latents, kind, generator):
    modality = "video" if latents.ndim == 5 else "audio"
    condition = unet.encode_condition(latents, modality=modality)
    wrong = mismatched_condition(kind, condition, unet=unet, latents=latents, frames=FRAMES, generator=generator)
    assert wrong.modality == modality
    for right, message in zip(condition.messages, wrong.messages, strict=True):
        assert message.shape == right.shape
        assert ((message - right).abs().flatten(1).amax(1) > 1e-3).all()


def test_another_clip_is_exactly_what_that_clip_says(unet, generator):
    latents = video()
    condition = unet.encode_condition(latents, modality="video")
    wrong = mismatched_condition(
        "other_clip", condition, unet=unet, latents=latents, frames=FRAMES, generator=generator
    )
    found = [[bool(torch.equal(wrong.messages[-1][i], condition.messages[-1][j])) for j in range(4)] for i in range(4)]
    assert all(sum(row) == 1 and not row[i] for i, row in enumerate(found))


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
    with pytest.raises(ValueError, match="3 blocks cannot be shifted by 2"):
        shifted_order(1, 3, smallest=2, generator=generator)


@pytest.mark.parametrize("blocks", [2, 3, 8])
def test_swapping_exchanges_two_stretches_and_is_its_own_inverse(generator, blocks):
    for order in swapped_order(200, blocks, generator=generator):
        assert sorted(order.tolist()) == list(range(blocks))
        assert torch.equal(order[order], torch.arange(blocks))
        assert not torch.equal(order, torch.arange(blocks))


def test_messages_of_any_grid_are_reordered_together():
    order = torch.tensor([[1, 0]])
    assert reordered(torch.tensor([[1.0, 2.0]]), order).tolist() == [[2.0, 1.0]]
    assert reordered(torch.tensor([[1.0, 2.0, 3.0, 4.0]]), order).tolist() == [[3.0, 4.0, 1.0, 2.0]]


def test_speed_moves_an_event_away_from_the_middle():
    x = torch.zeros(2, 1, 4, 33)
    x[..., 20] = 1
    faster, slower = at_speed(x, torch.tensor([2.0, 0.5]), modality="audio")
    assert int(faster.amax((0, 1)).argmax()) == 18
    assert int(slower.amax((0, 1)).argmax()) == 24
    torch.testing.assert_close(at_speed(x, torch.ones(2), modality="audio"), x)


def test_guidances_shifts_go_round_all_distances(unet):
    condition = unet.encode_condition(video(1), modality="video")
    blocks = time_blocks(unet.encode_condition(sound(1), modality="audio"), FRAMES)
    assert (time_blocks(condition, FRAMES), blocks) == (16, 8)
    seen = {
        tuple(circularly_shifted(condition, frames=FRAMES, turn=turn).messages[0][0, 0].tolist()) for turn in range(25)
    }
    assert len(seen) == 13  # of 16 frames, all but those nearer than two
