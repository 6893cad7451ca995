"""The moving average against a literal one, parameter by parameter."""

import pytest
import torch
from torch import nn

from cmmd.training.ema import EMA


def test_the_average_is_the_literal_one_ramp_included():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4))
    ema = EMA(model, decay=0.6)
    expected = [parameter.detach().clone() for parameter in model.parameters()]
    for updates in range(12):
        with torch.no_grad():
            for parameter in model.parameters():
                parameter += torch.randn_like(parameter)
        ema.update(model, updates=updates)
        decay = min(0.6, (1 + updates) / (10 + updates))
        expected = [decay * a + (1 - decay) * p.detach() for a, p in zip(expected, model.parameters(), strict=True)]
        for found, value in zip(ema.model.parameters(), expected, strict=True):
            torch.testing.assert_close(found, value)


def test_early_on_the_start_is_forgotten_fast():
    assert [EMA(nn.Linear(1, 1), decay=0.99).decay_at(n) for n in (0, 8, 10**6)] == [0.1, 0.5, 0.99]


def test_the_average_is_a_copy_that_does_not_train():
    model = nn.Linear(2, 2)
    ema = EMA(model, decay=0.9)
    assert not any(parameter.requires_grad for parameter in ema.model.parameters()) and not ema.model.training
    before = ema.model.weight.clone()  # pyright: ignore
    with torch.no_grad():
        model.weight += 1
    assert torch.equal(ema.model.weight, before)  # pyright: ignore
    assert model.weight.requires_grad and pytest.approx(1.0) == (model.weight - before).mean().item()  # pyright: ignore
