"""What a step asks of a device: nothing is read, and the contrast launches little more than a step without it."""

from dataclasses import replace

import pytest
import torch
from device_work import dispatched
from training_step import CountedWork, counted

from cmmd.recipes import load_recipe


def work(*, contrast: bool, name: str = "world.tiny") -> CountedWork:
    recipe = load_recipe(name)
    kinds = ("other_clip", "time_shift", "segment_swap", "speed")
    return counted(replace(recipe, contrastive=replace(recipe.contrastive, mismatches=kinds)), contrast=contrast)


@pytest.fixture(scope="module")
def both() -> tuple[CountedWork, CountedWork]:
    return work(contrast=False), work(contrast=True)


def test_a_step_that_is_not_logged_reads_nothing_from_the_device(both):
    assert [found.host_reads for found in both] == [0, 0]


def test_a_contrastive_step_launches_at_most_1_6_times_the_kernels(both):
    plain, contrast = both
    assert plain.kernels > 500
    assert plain.kernels < contrast.kernels <= 1.6 * plain.kernels


def test_optimiser_and_average_take_all_weights_at_once(both):
    assert all(found.update.kernels <= 10 for found in both)


def test_every_tensor_of_a_batch_is_copied_once(both):
    # clips, 2 clean, 2 noise, 8 of the conditioning; 6 for each of the two directions.
    assert [found.copies for found in both] == [13, 25]


def test_the_counter_counts():
    x = torch.randn(4, 4)
    assert dispatched(lambda: x.t().view(-1) if False else (x @ x).relu()).kernels == 2
    assert dispatched(lambda: x.t()[1:]).kernels == 0
    found = dispatched(lambda: (x.sum().item(), x[x > 0], x.nonzero(), bool((x > 0).any())))
    assert found.host_reads == 4
