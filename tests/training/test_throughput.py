"""Throughput: operations counted by hand, in a step of any kind, on a copy that leaves the training alone."""

import itertools
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from line import fit, line
from small_training import ALL_KINDS, batch_config, small_clips, small_network
from torch import nn

from cmmd.files.inline_groups import replaced
from cmmd.training.batch import draw_batch
from cmmd.training.cmmd_losses import cmmd_losses
from cmmd.training.distributed import Ranks
from cmmd.training.loop_config import LoopConfig
from cmmd.training.objective import Objective
from cmmd.training.throughput import Throughput, matrix_product_speed

CONFIG = LoopConfig(steps=40, batch_size=8)


def test_operations_are_counted_as_by_hand():
    """A matrix product forward and one backward, as nothing asks for the gradient of the input."""
    throughput = Throughput.of(line(), fit(), CONFIG, Ranks())
    throughput.peak = 1e6
    operations = 2 * (2 * 8 * 3 * 1)
    assert throughput.figures(0, 0.5) == {
        "items_per_second": 16.0,
        "share_of_peak": round(operations / 0.5 / 1e6, 4),
    }


def test_attention_is_counted():
    class Attends(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(()))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = (self.scale * x[:, None, :, None]).expand(-1, 1, -1, 16)
            return nn.functional.scaled_dot_product_attention(x, x, x).mean((1, 3))[:, :1]

    throughput = Throughput.of(Attends(), fit(), CONFIG, Ranks())
    throughput.peak = 1e6
    # Two products of 3 x 3 positions and 16 channels forward, four backward, for each of eight items.
    operations = 8 * 6 * (2 * 3 * 3 * 16)
    assert throughput.figures(0, 1.0)["share_of_peak"] == pytest.approx(operations / 1e6, abs=1e-4)


def test_a_step_with_contrast_has_more_operations():
    batch = batch_config(contrastive=replaced(ALL_KINDS, begin=4))
    clips, model = small_clips(), small_network()
    objective = Objective(
        lambda step, part: draw_batch(clips, batch, seed=0, step=step, micro_batch=part),
        lambda model, drawn: cmmd_losses(model, drawn, contrastive=batch.contrastive),  # pyright: ignore
    )
    before = [parameter.clone() for parameter in model.parameters()]
    throughput = Throughput.of(model, objective, replace(CONFIG, batch_size=16), Ranks())
    throughput.peak = 1e12
    plain, contrast = (throughput.figures(step, 1.0)["share_of_peak"] for step in (3, 4))
    assert 1.2 < contrast / plain < 3
    assert throughput.figures(2, 1.0)["share_of_peak"] == plain and len(throughput.counted) == 2
    assert all(map(torch.equal, before, model.parameters()))
    assert all(parameter.grad is None and parameter.device.type == "cpu" for parameter in model.parameters())


def test_a_batch_in_micro_batches_has_as_many_items_and_operations():
    found = []
    for count in (1, 4):
        throughput = Throughput.of(line(), fit(), replaced(CONFIG, micro_batches=count), Ranks())
        throughput.peak = 1e4
        found.append(throughput.figures(0, 0.5))
    assert found[0] == found[1] and found[0]["items_per_second"] == 16.0


def test_ranks_have_a_part_of_the_operations_each():
    alone, shared = (
        Throughput.of(line(), fit(), replaced(CONFIG, micro_batches=2), Ranks(world_size=size)) for size in (1, 2)
    )
    alone.peak = shared.peak = 1e4
    assert shared.figures(0, 1.0)["share_of_peak"] == pytest.approx(
        alone.figures(0, 1.0)["share_of_peak"] / 2, abs=1e-4
    )


def test_a_larger_product_is_not_faster_than_possible():
    assert 1e8 < matrix_product_speed(torch.device("cpu"), torch.float32) < 1e13


def test_a_product_of_n_rows_is_two_n_cubed_operations(monkeypatch):
    """A multiplication and an addition each; by a clock on which every product takes half a second."""
    readings = itertools.count()
    monkeypatch.setattr("cmmd.training.throughput.time", SimpleNamespace(perf_counter=lambda: next(readings) / 2))
    assert matrix_product_speed(torch.device("cpu"), torch.float32) == 2 * 1024**3 / 0.5
