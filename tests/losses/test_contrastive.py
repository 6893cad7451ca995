"""The contrastive term: values and gradients by hand, items without a mismatched condition, bounds, schedule."""

import math

import pytest
import torch
from torch import Tensor

from cmmd.files.inline_groups import replaced
from cmmd.losses.contrastive import ContrastiveConfig, Form, WeightSchedule, contrastive_losses

ALL = torch.ones(2, 3, dtype=torch.bool)
# Three items: their error under the right condition, and under two others.
MATCHED = torch.tensor([0.1, 0.3, 0.25], dtype=torch.float64)
MISMATCHED = torch.tensor([[0.2, 0.3, 0.9], [0.4, 0.1, 0.2]], dtype=torch.float64)
# The second item has no condition of the first kind, the third none at all.
SOME = torch.tensor([[True, False, False], [True, True, False]])


def in_parts_of_their_mean(item: int, valid: Tensor) -> tuple[float, dict[int, float], float]:
    """The matched distance of an item, the mismatched ones that there are, by kind, and what both were divided by."""
    wrong = {kind: MISMATCHED[kind, item].item() for kind in range(2) if valid[kind, item]}
    scale = sum(wrong.values()) / len(wrong) if wrong else 1.0
    return MATCHED[item].item() / scale, {kind: distance / scale for kind, distance in wrong.items()}, scale


def by_hand(config: ContrastiveConfig, valid: Tensor) -> list[float]:
    """The term of each item with exponentials written out, over those conditions that there are."""
    terms = []
    for item in range(3):
        matched, wrong, _ = in_parts_of_their_mean(item, valid)
        shares = [math.exp(-distance / config.temperature) for distance in (matched, *wrong.values())]
        if config.form == "linear":
            gaps = [max(matched - distance, -config.margin) for distance in wrong.values()]
            terms.append(sum(gaps) / len(gaps) if gaps else 0.0)
        elif config.form == "pull":
            terms.append((1 - shares[0] / sum(shares)) * matched / config.temperature)
        else:
            terms.append(-math.log(shares[0] / sum(shares)))
    return terms


def gradients_by_hand(config: ContrastiveConfig, valid: Tensor) -> tuple[list[float], list[list[float]]]:
    """Of the sum of the terms: to the matched distances, and to the mismatched ones."""
    to_matched, to_mismatched = [0.0] * 3, [[0.0] * 3 for _ in range(2)]
    for item in range(3):
        matched, wrong, scale = in_parts_of_their_mean(item, valid)
        if config.form == "linear":
            for kind, distance in wrong.items():
                slope = 1 / len(wrong) / scale if matched - distance > -config.margin else 0.0
                to_matched[item] += slope
                to_mismatched[kind][item] = -slope
            continue
        weights = {kind: math.exp(-distance / config.temperature) for kind, distance in wrong.items()}
        total = math.exp(-matched / config.temperature) + sum(weights.values())
        for kind, weight in weights.items():
            slope = weight / total / config.temperature / scale
            to_matched[item] += slope
            to_mismatched[kind][item] = 0.0 if config.form == "pull" else -slope
    return to_matched, to_mismatched


CONFIGS = [
    ContrastiveConfig(temperature=0.1),
    ContrastiveConfig(temperature=0.05),
    ContrastiveConfig(form="pull", temperature=0.3),
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
    assert matched.grad is not None
    # What is only pulled has no other side at all.
    assert (mismatched.grad is None) == (config.form == "pull")
    pushed = torch.zeros_like(MISMATCHED) if mismatched.grad is None else mismatched.grad
    torch.testing.assert_close(matched.grad, torch.tensor(to_matched, dtype=torch.float64), rtol=0, atol=1e-12)
    torch.testing.assert_close(pushed, torch.tensor(to_mismatched, dtype=torch.float64), rtol=0, atol=1e-12)


@pytest.mark.parametrize("form", ["infonce", "linear", "pull"])
@pytest.mark.parametrize("filling", [0.3, math.inf, math.nan])
def test_an_item_without_any_mismatched_condition_costs_nothing(form: Form, filling):
    """Whatever stands where there is no condition: it must not reach the gradient either."""
    matched = MATCHED.clone().requires_grad_()
    mismatched = torch.full((2, 3), filling, dtype=torch.float64).requires_grad_()
    none = torch.zeros(2, 3, dtype=torch.bool)
    term = contrastive_losses(matched, mismatched, ContrastiveConfig(form=form), valid=none)
    assert term.tolist() == [0.0, 0.0, 0.0]
    term.sum().backward()
    assert matched.grad is not None and not matched.grad.any()
    assert mismatched.grad is None or not mismatched.grad.any()


def test_a_model_that_does_not_listen_costs_the_logarithm_of_the_choices():
    same = torch.full((5,), 0.3)
    term = contrastive_losses(same, same.expand(3, 5), ContrastiveConfig(), valid=torch.ones(3, 5, dtype=torch.bool))
    torch.testing.assert_close(term, torch.full((5,), math.log(4)))


def test_large_errors_over_a_small_temperature_stay_finite():
    config = ContrastiveConfig(temperature=1e-3)
    matched, mismatched = torch.tensor([5.0, 0.0]), torch.tensor([[0.0, 5.0]])
    term = contrastive_losses(matched, mismatched, config, valid=torch.ones(1, 2, dtype=torch.bool))
    assert torch.isfinite(term).all() and term[0] > 1e3
    torch.testing.assert_close(term[1], torch.tensor(0.0))


@pytest.mark.parametrize("form", ["infonce", "linear", "pull"])
def test_the_unit_of_the_distances_does_not_matter(form: Form):
    """One temperature serves every noise level and both modalities."""
    config = ContrastiveConfig(form=form)
    found = contrastive_losses(MATCHED, MISMATCHED, config, valid=ALL)
    torch.testing.assert_close(contrastive_losses(50 * MATCHED, 50 * MISMATCHED, config, valid=ALL), found)


def test_an_item_at_no_distance_from_anything_has_no_gradient_that_is_not_a_number():
    """One that generates nothing: every distance is 0."""
    matched, mismatched = torch.zeros(3, requires_grad=True), torch.zeros(2, 3, requires_grad=True)
    contrastive_losses(matched, mismatched, ContrastiveConfig(), valid=ALL).sum().backward()
    assert matched.grad is not None and torch.isfinite(matched.grad).all()


def test_the_push_on_a_signal_goes_from_the_mean_of_the_candidates_to_its_own():
    """Decision 07: of the distances of a signal to fixed candidates nothing remains in the gradient but
    2 (sum_j p_j a_j - a_0) / (temperature scale elements); by hand against autograd."""
    generator = torch.Generator().manual_seed(0)
    implied, own = torch.randn(2, 4, 5, generator=generator, dtype=torch.float64)
    others = torch.randn(3, 4, 5, generator=generator, dtype=torch.float64)
    config = ContrastiveConfig(temperature=0.3)
    implied.requires_grad_()

    def distance(candidate: Tensor) -> Tensor:
        return (implied - candidate).square().mean(dim=1)

    distances = torch.stack([distance(other) for other in others])
    contrastive_losses(distance(own), distances, config, valid=torch.ones(3, 4, dtype=torch.bool)).sum().backward()
    for item in range(4):
        candidates = [own[item], *others[:, item]]
        found = [(implied[item] - candidate).square().mean().item() for candidate in candidates]
        scale = sum(found[1:]) / 3
        shares = [math.exp(-value / scale / 0.3) for value in found]
        mean = sum(share / sum(shares) * candidate for share, candidate in zip(shares, candidates, strict=True))
        expected = 2 * (mean - own[item]) / (0.3 * scale * 5)
        assert implied.grad is not None
        torch.testing.assert_close(implied.grad[item], expected.detach(), rtol=0, atol=1e-12)


def test_the_weight_rises_in_a_straight_line():
    config = ContrastiveConfig(weight=2.0, schedule=WeightSchedule(begin=10, ramp=3))
    assert [config.weight_at(step) for step in (0, 9, 10, 11, 12, 13, 99)] == [0, 0, 0.5, 1.0, 1.5, 2.0, 2.0]
    assert ContrastiveConfig(weight=1.0).weight_at(0) == 1.0


def test_the_weight_falls_in_a_straight_line_and_stays_away():
    config = ContrastiveConfig(weight=2.0, schedule=WeightSchedule(end=20, fall=3))
    assert [config.weight_at(step) for step in (0, 9, 16, 17, 18, 19, 20, 99)] == [2.0, 2.0, 2.0, 1.5, 1.0, 0.5, 0, 0]
    sudden = ContrastiveConfig(weight=1.0, schedule=WeightSchedule(end=2))
    assert [sudden.weight_at(step) for step in range(4)] == [1.0, 1.0, 0.0, 0.0]
    both = ContrastiveConfig(weight=1.0, schedule=WeightSchedule(ramp=1, end=3, fall=2))
    assert [both.weight_at(step) for step in range(3)] == [0.5, pytest.approx(2 / 3), pytest.approx(1 / 3)]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"fraction": 1.5}, "fraction is 1.5, expected a share between 0 and 1"),
        ({"temperature": 0.0}, "temperature is 0.0, expected a finite number above 0"),
        ({"temperature": math.inf}, "temperature is inf, expected a finite number above 0"),
        ({"margin": -0.1}, "margin is -0.1, expected a finite number above 0"),
        ({"weight": -1.0}, "weight is -1.0, expected a number from 0 to"),
        ({"weight": math.nan}, "weight is nan, expected a number from 0 to"),
        ({"begin": -1}, "begin is -1, expected a number from 0 to"),
        ({"end": -1}, "end is -1, expected a number from 0 to"),
        ({"fall": 3}, "fall is 3, expected an end to fall to"),
        ({"count": 0}, "count is 0, expected a whole number from 1 to"),
        ({"least_noise": 0.6, "most_noise": 0.5}, "least_noise is 0.6, most_noise 0.5, expected times that rise"),
        ({"most_noise": 1.5}, "least_noise is 0.0, most_noise 1.5, expected times that rise from 0 to 1"),
        ({"mismatches": ()}, "mismatches are (), expected some of other_clip, time_shift, segment_swap, speed"),
        ({"mismatches": ("speed", "speed")}, "mismatches are ('speed', 'speed'), expected some of"),
    ],
)
def test_bad_settings_are_named(values, message):
    with pytest.raises(ValueError, match="expected") as caught:
        replaced(ContrastiveConfig(), **values)
    assert message in str(caught.value)
