"""Directions, dropped conditions and contrasted items come in whole numbers a batch, and in their shares on average."""

import math

import pytest
import torch

from cmmd.diffusion import conditioning
from cmmd.diffusion.conditioning import Conditioning, ConditioningConfig, draw_conditioning
from cmmd.diffusion.direction import DIRECTIONS

CONFIGS = {
    "default": ConditioningConfig(),
    "uneven": ConditioningConfig(video_to_audio=0.55, audio_to_video=0.15, joint=0.3, dropout=0.35),
    "conditional": ConditioningConfig(video_to_audio=1 / 3, audio_to_video=2 / 3, joint=0.0, dropout=0.0),
    "seldom": ConditioningConfig(video_to_audio=0.02, audio_to_video=0.95, joint=0.03, dropout=0.97),
}
configs = pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)


def draw(config: ConditioningConfig, *, batch: int, fraction: float = 0.0, seed: int = 0) -> Conditioning:
    return draw_conditioning(
        config, batch=batch, frames=2, fraction=fraction, generator=torch.Generator().manual_seed(seed)
    )


def counts(drawn: Conditioning) -> torch.Tensor:
    """Items, items that hear and contrasted items of each direction, (3, 3)."""
    kinds = (torch.ones_like(drawn.contrasted), drawn.audio_hears, drawn.contrasted)
    return torch.stack([drawn.direction[kind].bincount(minlength=3) for kind in kinds], dim=1)


def neighbours(share: float) -> tuple[int, int]:
    """The whole numbers below and above; a share that is whole has itself alone, but for its last digits."""
    return math.floor(share + 1e-9), math.ceil(share - 1e-9)


@pytest.mark.parametrize("name", ["default", "uneven", "conditional"])
@pytest.mark.parametrize("batch", [1, 2, 13, 16])
def test_shares_are_exact_on_average(name, batch):
    config, draws, fraction = CONFIGS[name], 600, 0.7
    found = torch.stack([counts(draw(config, batch=batch, fraction=fraction, seed=seed)) for seed in range(draws)])
    found = found.double() / batch
    shares = torch.tensor(config.direction_probabilities, dtype=torch.float64)
    hearing = shares * (1 - config.dropout)
    expected = torch.stack([shares, hearing, fraction * hearing * torch.tensor([1.0, 1.0, 0.0])], dim=1)
    # Four and a half standard errors, which are 0 where a share is a whole number of pairs.
    error = found.std(0) / math.sqrt(draws)
    assert ((found.mean(0) - expected).abs() <= 4.5 * error + 1e-9).all()


@configs
@pytest.mark.parametrize("batch", [2, 6, 16, 34])
def test_every_batch_has_the_whole_number_below_or_above_a_share(config: ConditioningConfig, batch):
    for seed in range(60):
        found = counts(draw(config, batch=batch, fraction=0.6, seed=seed)).tolist()
        assert sum(items for items, _, _ in found) == batch
        for index, (items, hearing, contrasted) in enumerate(found):
            assert items % 2 == 0
            assert items // 2 in neighbours(batch // 2 * config.direction_probabilities[index])
            assert items - hearing in neighbours(config.dropout * items)
            joint = DIRECTIONS[index] == "joint"
            assert contrasted in (neighbours(0.6 * hearing) if not joint else (0,))


@configs
@pytest.mark.parametrize("batch", [1, 2, 9, 16, 33])
def test_pairs_share_a_direction_and_directions_stand_in_order(config: ConditioningConfig, batch):
    for seed in range(30):
        direction = draw(config, batch=batch, seed=seed).direction.tolist()
        even = batch - batch % 2
        assert direction[0:even:2] == direction[1:even:2]
        assert direction[:even] == sorted(direction[:even])


def test_the_odd_one_out_has_every_role():
    drawn = [draw(CONFIGS["uneven"], batch=3, fraction=0.5, seed=seed) for seed in range(300)]
    roles = {tuple(int(column[2]) for column in (d.direction, d.audio_hears, d.contrasted)) for d in drawn}
    conditional = {(index, *role) for index in (0, 1) for role in ((1, 1), (1, 0), (0, 0))}
    assert roles == conditional | {(2, 1, 0), (2, 0, 0)}


@configs
def test_contrasted_items_are_conditional_and_hear(config: ConditioningConfig):
    chosen = 0
    for seed in range(100):
        drawn = draw(config, batch=17, fraction=1.0, seed=seed)
        conditional = drawn.direction != DIRECTIONS.index("joint")
        assert torch.equal(drawn.contrasted, conditional & drawn.audio_hears)
        half = draw(config, batch=17, fraction=0.5, seed=seed)
        assert not (half.contrasted & ~(conditional & half.audio_hears)).any()
        assert not draw(config, batch=17, fraction=0.0, seed=seed).contrasted.any()
        chosen += int(half.contrasted.sum())
    assert chosen > 0


def test_shares_whose_sum_is_rounded_fill_the_batch():
    """A sum just above 1 and a draw just below 1: the whole number above the last edge would be too many."""
    config = ConditioningConfig(video_to_audio=0.5, audio_to_video=0.5000009, joint=0.0)
    seed = 7315
    assert torch.rand(1, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) > 0.99995
    assert counts(draw(config, batch=128, seed=seed))[:, 0].tolist() == [64, 64, 0]


def test_a_share_that_is_whole_but_for_rounding_is_whole():
    assert 0.29 * 100 < 29 and (0.1 + 0.2) * 10 > 3
    assert [conditioning._whole(0.29 * 100, draw) for draw in (0.0, 0.5)] == [29, 29]
    assert [conditioning._whole((0.1 + 0.2) * 10, draw) for draw in (0.0, 0.5)] == [3, 3]
    assert [conditioning._whole(2.25, draw) for draw in (0.0, 0.74, 0.75)] == [2, 2, 3]
