"""The denoising error counts what is generated, and nothing else."""

from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from cmmd.losses.denoising import denoising_errors

FRAMES = 6
MASK = torch.tensor([[0, 1, 1, 0, 0, 0], [1, 1, 1, 1, 1, 1], [0, 0, 0, 0, 0, 0]], dtype=torch.float64)


class Pair(NamedTuple):
    predicted: Tensor
    target: Tensor


@pytest.fixture(params=["video", "audio"])
def pair(request, generator) -> Pair:
    """Three items of one modality."""
    shape = (3, 4, FRAMES, 2, 2) if request.param == "video" else (3, 1, 8, 8 * FRAMES)
    return Pair(*(2 + 3 * torch.randn(shape, generator=generator, dtype=torch.float64) for _ in range(2)))


def frame_by_frame(pair: Pair, mask: Tensor) -> list[float]:
    """Mean squared error of each item over its generated frames, collected one by one."""
    found = []
    for predicted, target, generated in zip(*pair, mask.tolist(), strict=True):
        difference = predicted - target
        frames = difference.unbind(1) if difference.ndim == 4 else difference.split(8, dim=2)
        squares = [frame.square().flatten() for frame, counts in zip(frames, generated, strict=True) if counts]
        found.append(torch.cat(squares).mean().item() if squares else 0.0)
    return found


def test_everything_generated_is_the_plain_mean_squared_error(pair: Pair):
    errors = denoising_errors(*pair, mask=torch.ones(3, FRAMES))
    expected = (pair.predicted - pair.target).square().flatten(1).mean(1)
    torch.testing.assert_close(errors, expected, rtol=0, atol=1e-12)


def test_only_generated_frames_count(pair: Pair):
    expected = frame_by_frame(pair, MASK)
    assert expected[2] == 0.0
    found = denoising_errors(*pair, mask=MASK)
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64), rtol=0, atol=1e-12)


def test_an_item_does_not_depend_on_its_batch_mates(pair: Pair):
    whole = denoising_errors(*pair, mask=MASK)
    for item in range(3):
        alone = denoising_errors(*(x[item : item + 1] for x in pair), mask=MASK[item : item + 1])
        torch.testing.assert_close(alone[0], whole[item], rtol=0, atol=1e-12)


def test_gradient_stays_within_what_is_generated(pair: Pair):
    predicted = pair.predicted.requires_grad_()
    denoising_errors(predicted, pair.target, mask=MASK).sum().backward()
    assert predicted.grad is not None
    gradient = predicted.grad.movedim(2 if predicted.ndim == 5 else 3, 1)
    reached = (gradient != 0).unflatten(1, (FRAMES, -1)).flatten(2)
    assert torch.equal(reached.all(2).double(), MASK) and torch.equal(reached.any(2).double(), MASK)
