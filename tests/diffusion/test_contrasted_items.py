"""Contrasted items: in the share that a recipe asks for, and never more in a micro-batch than there is room for."""

import math
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from cmmd.diffusion.conditioning import Conditioning, ConditioningConfig, draw_conditioning, most_contrasted
from cmmd.diffusion.direction import DIRECTIONS
from cmmd.recipes import load_recipe, recipe_names
from cmmd.training.batch import dealt
from cmmd.training.objective import MicroBatch

CONFIGS = {
    "default": ConditioningConfig(),
    "dropped": ConditioningConfig(dropout=0.3),
    "uneven": ConditioningConfig(video_to_audio=0.55, audio_to_video=0.15, joint=0.3, dropout=0.4),
    "conditional": ConditioningConfig(video_to_audio=0.5, audio_to_video=0.5, joint=0.0, dropout=0.0),
}
RECIPES: dict[str, Any] = {name: load_recipe(name) for name in recipe_names()}
CONDITIONED = [name for name, recipe in RECIPES.items() if hasattr(recipe, "conditioning")]


def draws(config: ConditioningConfig, *, batch: int, fraction: float, times: int) -> Iterator[Conditioning]:
    for seed in range(times):
        generator = torch.Generator().manual_seed(seed)
        yield draw_conditioning(config, batch=batch, frames=2, fraction=fraction, generator=generator)


def contrasted(drawn: Conditioning) -> list[int]:
    """How many of each direction."""
    return drawn.direction[drawn.contrasted].bincount(minlength=3).tolist()


def fullest(config: ConditioningConfig, *, batch: int, fraction: float, count: int, times: int) -> list[int]:
    """The most contrasted items of each direction that any micro-batch of these draws holds."""
    most = [0, 0, 0]
    for drawn in draws(config, batch=batch, fraction=fraction, times=times):
        for index in range(count):
            items = dealt(batch, MicroBatch(index, count))
            held = drawn.direction[items][drawn.contrasted[items]].bincount(minlength=3).tolist()
            most = [max(pair) for pair in zip(most, held, strict=True)]
    return most


@pytest.mark.parametrize("name", CONDITIONED)
def test_a_recipe_contrasts_the_share_that_it_asks_for(name):
    recipe = RECIPES[name]
    batch, fraction, times = recipe.loop.batch_size, recipe.contrastive.fraction, 300
    drawn = draws(recipe.conditioning, batch=batch, fraction=fraction, times=times)
    found = torch.tensor([contrasted(conditioning) for conditioning in drawn], dtype=torch.float64)
    for index, direction in enumerate(DIRECTIONS):
        share = getattr(recipe.conditioning, direction) * (1 - recipe.conditioning.dropout) * fraction
        expected = 0.0 if direction == "joint" else batch * share
        error = found[:, index].std() / math.sqrt(times)
        assert abs(found[:, index].mean() - expected) <= 4.5 * error + 1e-9
        assert direction == "joint" or expected > 0 or not getattr(recipe.conditioning, direction)


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("fraction", [0.5, 0.6, 0.9, 1.0])
@pytest.mark.parametrize(
    ("batch", "count"),
    # Pairs are dealt to the first seven; then single items, which is for kinds that need no other clip of the batch.
    [(8, 1), (8, 2), (8, 4), (16, 8), (24, 4), (32, 2), (48, 8), (6, 2), (9, 3), (12, 4), (16, 16), (24, 8), (30, 10)],
)
def test_no_micro_batch_holds_more_than_the_most(name, fraction, batch, count):
    most = most_contrasted(CONFIGS[name], batch=batch, micro_batches=count, fraction=fraction)
    found = fullest(CONFIGS[name], batch=batch, fraction=fraction, count=count, times=25)
    assert found == [min(held, most[direction]) for held, direction in zip(found, DIRECTIONS, strict=True)]
    assert most["joint"] == 0


def test_fewer_pairs_may_have_more_contrasted_items_in_one():
    """Of two pairs with a dropped item the first ones are contrasted, of a single pair both: 0.6 of 2 is 2 or 1."""
    settings: dict[str, Any] = {"batch": 8, "fraction": 0.6}
    found = fullest(CONFIGS["dropped"], count=2, times=100, **settings)
    most = most_contrasted(CONFIGS["dropped"], micro_batches=2, **settings)
    assert found[1] == 2 <= most["audio_to_video"]


@pytest.mark.parametrize("count", [1, 2, 4, 8])
def test_the_most_is_reached(count):
    """Every one costs a pass of the target's U-Net: there is no room for nothing."""
    config = ConditioningConfig(video_to_audio=0.5, audio_to_video=0.3, joint=0.2)
    most = most_contrasted(config, batch=32, micro_batches=count, fraction=0.5)
    found = fullest(config, batch=32, fraction=0.5, count=count, times=100)
    assert found == [most[direction] for direction in DIRECTIONS]
    assert most["video_to_audio"] == {1: 8, 2: 4, 4: 2, 8: 1}[count]


@pytest.mark.parametrize("batch", [1, 5, 9])
def test_the_last_item_of_an_odd_batch_counts(batch):
    config = CONFIGS["uneven"]
    most = most_contrasted(config, batch=batch, micro_batches=1, fraction=1.0)
    found = fullest(config, batch=batch, fraction=1.0, count=1, times=300)
    assert found == [most[direction] for direction in DIRECTIONS]
