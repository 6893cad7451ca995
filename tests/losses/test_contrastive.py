"""The contrastive term: values and gradients by hand, items without a mismatched condition, bounds, schedule."""

import math

import pytest
import torch
from torch import Tensor

from cmmd.losses.contrastive import ContrastiveConfig, Form, contrastive_losses

ALL = torch.ones(2, 3, dtype=torch.bool)
# Three items: their error under the right condition, and under two others.
MATCHED = torch.tensor([0.1, 0.3, 0.25], dtype=torch.float64)
MISMATCHED = torch.tensor([[0.2, 0.3, 0.9], [0.4, 0.1, 0.2]], dtype=torch.float64)
# The second item has no condition of the first kind, the third none at all.
SOME = torch.tensor([[True, False, False], [True, True, False]])


def by_hand(config: ContrastiveConfig, valid: Tensor) -> list[float]:
    """The term of each item with exponentials written out, over those conditions that there are."""
    terms = []
    for item, matched in enumerate(MATCHED.tolist()):
        wrong = [MISMATCHED[kind, item].item() for kind in range(2) if valid[kind, item]]
        if config.form == "linear":
            gaps = [max(matched - error, -config.margin) for error in wrong]
            terms.append(sum(gaps) / len(gaps) if gaps else 0.0)
        else:
            right, *others = (math.exp(-error / config.temperature) for error in (matched, *wrong))
            terms.append(-math.log(right / (right + sum(others))))
    return terms


def gradients_by_hand(config: ContrastiveConfig, valid: Tensor) -> tuple[list[float], list[list[float]]]:
    """Of the sum of the terms: to the matched errors, and to the mismatched ones."""
    to_matched, to_mismatched = [0.0] * 3, [[0.0] * 3 for _ in range(2)]
    for item, matched in enumerate(MATCHED.tolist()):
        kinds = [kind for kind in range(2) if valid[kind, item]]
        wrong = {kind: MISMATCHED[kind, item].item() for kind in kinds}
        if config.form == "linear":
            for kind in kinds:
                slope = 1 / len(kinds) if matched - wrong[kind] > -config.margin else 0.0
                to_matched[item] += slope
                to_mismatched[kind][item] = -slope
        else:
            weights = {kind: math.exp(-wrong[kind] / config.temperature) for kind in kinds}
            total = math.exp(-matched / config.temperature) + sum(weights.values())
            for kind in kinds:
                to_mismatched[kind][item] = -weights[kind] / total / config.temperature
                to_matched[item] += weights[kind] / total / config.temperature
    return to_matched, to_mismatched


CONFIGS = [
    ContrastiveConfig(temperature=0.1),
    ContrastiveConfig(temperature=0.05),
    ContrastiveConfig(form="linear", margin=0.15),
    ContrastiveConfig(form="linear", margin=0.35),
]
cases = [
    pytest.mark.parametrize(
        "config", CONFIGS, ids=lambda config: f"{config.form}-{config.temperature}-{config.margin}"
    ),
    pytest.mark.parametrize("valid", [ALL, SOME], ids=["all", "some"]),
]


@cases[0]
@cases[1]
def test_values_are_those_by_hand(config: ContrastiveConfig, valid):
    found = contrastive_losses(MATCHED, MISMATCHED, config, valid=valid)
    torch.testing.assert_close(found, torch.tensor(by_hand(config, valid), dtype=torch.float64), rtol=0, atol=1e-12)


@cases[0]
@cases[1]
def test_gradients_are_those_by_hand(config: ContrastiveConfig, valid):
    matched, mismatched = MATCHED.clone().requires_grad_(), MISMATCHED.clone().requires_grad_()
    contrastive_losses(matched, mismatched, config, valid=valid).sum().backward()
    to_matched, to_mismatched = gradients_by_hand(config, valid)
    assert matched.grad is not None and mismatched.grad is not None
    torch.testing.assert_close(matched.grad, torch.tensor(to_matched, dtype=torch.float64), rtol=0, atol=1e-12)
    torch.testing.assert_close(mismatched.grad, torch.tensor(to_mismatched, dtype=torch.float64), rtol=0, atol=1e-12)


@pytest.mark.parametrize("form", ["infonce", "linear"])
@pytest.mark.parametrize("filling", [0.3, math.inf, math.nan])
def test_an_item_without_any_mismatched_condition_costs_nothing(form: Form, filling):
    """Whatever stands where there is no condition: it must not reach the gradient either."""
    matched = MATCHED.clone().requires_grad_()
    mismatched = torch.full((2, 3), filling, dtype=torch.float64).requires_grad_()
    none = torch.zeros(2, 3, dtype=torch.bool)
    term = contrastive_losses(matched, mismatched, ContrastiveConfig(form=form), valid=none)
    assert term.tolist() == [0.0, 0.0, 0.0]
    term.sum().backward()
    assert matched.grad is not None and mismatched.grad is not None
    assert not matched.grad.any() and not mismatched.grad.any()


def test_a_model_that_does_not_listen_costs_the_logarithm_of_the_choices():
    same = torch.full((5,), 0.3)
    term = contrastive_losses(same, same.expand(3, 5), ContrastiveConfig(), valid=torch.ones(3, 5, dtype=torch.bool))
    torch.testing.assert_close(term, torch.full((5,), math.log(4)))


def test_large_errors_over_a_small_temperature_stay_finite():
    config = ContrastiveConfig(temperature=1e-3)
    matched, mismatched = torch.tensor([5.0, 0.0]), torch.tensor([[0.0, 5.0]])
    term = contrastive_losses(matched, mismatched, config, valid=torch.ones(1, 2, dtype=torch.bool))
    torch.testing.assert_close(term, torch.tensor([5000.0, 0.0]))


def test_the_weight_rises_in_a_straight_line():
    config = ContrastiveConfig(weight=2.0, begin=10, ramp=3)
    assert [config.weight_at(step) for step in (0, 9, 10, 11, 12, 13, 99)] == [0, 0, 0.5, 1.0, 1.5, 2.0, 2.0]
    assert ContrastiveConfig(weight=1.0).weight_at(0) == 1.0


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"fraction": 1.5}, "fraction is 1.5, expected a share between 0 and 1"),
        ({"temperature": 0.0}, "temperature is 0.0, expected a finite number above 0"),
        ({"temperature": math.inf}, "temperature is inf, expected a finite number above 0"),
        ({"margin": -0.1}, "margin is -0.1, expected a finite number above 0"),
        ({"weight": -1.0}, "weight is -1.0, expected a finite number of at least 0"),
        ({"weight": math.nan}, "weight is nan, expected a finite number of at least 0"),
        ({"begin": -1}, "begin is -1, expected a finite number of at least 0"),
        ({"mismatches": ()}, "mismatches are (), expected some of other_clip, time_shift, segment_swap, speed"),
        ({"mismatches": ("speed", "speed")}, "mismatches are ('speed', 'speed'), expected some of"),
    ],
)
def test_bad_settings_are_named(values, message):
    with pytest.raises(ValueError, match="expected") as caught:
        ContrastiveConfig(**values)
    assert message in str(caught.value)
