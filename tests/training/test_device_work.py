"""What a step asks of a device: nothing is read, and the contrast launches little more than a step without it."""

from dataclasses import replace

import pytest
import torch
from device_work import dispatched
from training_step import CountedWork, counted

from cmmd.diffusion.mismatch import MISMATCHES
from cmmd.losses.contrastive import NegativesOf
from cmmd.recipes import load_recipe

pytestmark = pytest.mark.slow

ALL = (None, "conditions", "targets", "both")
"""Negatives of a step; without any there is no contrast."""


def work(negatives: NegativesOf | None) -> CountedWork:
    recipe = load_recipe("world.tiny")
    contrastive = replace(recipe.contrastive, negatives=negatives or "targets", mismatches=MISMATCHES)
    return counted(replace(recipe, contrastive=contrastive), contrast=negatives is not None)


@pytest.fixture(scope="module")
def found() -> dict[NegativesOf | None, CountedWork]:
    return {negatives: work(negatives) for negatives in ALL}


def test_a_step_that_is_not_logged_reads_nothing_from_the_device(found):
    assert [one.host_reads for one in found.values()] == [0, 0, 0, 0]


def test_negatives_among_conditions_launch_at_most_1_6_times_the_kernels(found):
    plain, contrast = found[None].kernels, found["conditions"].kernels
    assert plain > 500
    assert plain < contrast <= 1.6 * plain


def test_negatives_among_targets_launch_a_tenth_more_kernels_at_most(found):
    """In the smallest network: they are as many in any."""
    plain, contrast = found[None].kernels, found["targets"].kernels
    assert plain < contrast <= 1.1 * plain


def test_optimiser_and_average_take_all_weights_at_once(found):
    assert all(one.update.kernels <= 10 for one in found.values())


def test_every_tensor_of_a_batch_is_copied_once(found):
    # clips, 2 clean, 2 noise, 8 of the conditioning; 6 of conditions and 5 of targets for each of the two directions.
    assert [one.copies for one in found.values()] == [13, 25, 23, 35]


def test_the_counter_counts():
    x = torch.randn(4, 4)
    assert dispatched(lambda: x.t().view(-1) if False else (x @ x).relu()).kernels == 2
    assert dispatched(lambda: x.t()[1:]).kernels == 0
    found = dispatched(lambda: (x.sum().item(), x[x > 0], x.nonzero(), bool((x > 0).any())))
    assert found.host_reads == 4
