"""The loop against literal steps: accumulation, clipping, schedule, weight decay, EMA; resume is bit for bit."""

import itertools
import math
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from line import ITEMS, fit, line, weights
from torch import nn

from cmmd.errors import InputError
from cmmd.files.inline_groups import replaced
from cmmd.training.distributed import Ranks
from cmmd.training.loop import StepReport, fresh_state, train
from cmmd.training.loop_config import LoopConfig, OptimizerConfig, ReportsConfig
from cmmd.training.objective import MicroBatch, Objective, Term
from cmmd.training.state import checkpoints

CONFIG = LoopConfig(
    steps=12,
    batch_size=ITEMS,
    optimizer=OptimizerConfig(learning_rate=1e-2, weight_decay=0.1, warmup=3, clip_norm=0.5),
    reports=ReportsConfig(save_every=4, log_every=1),
)


def reports(state, objective: Objective | None = None, config: LoopConfig = CONFIG) -> list[StepReport]:
    return list(train(state, objective or fit(), config))


def literal_training(config: LoopConfig) -> tuple[nn.Linear, list[torch.Tensor], list[float]]:
    """AdamW as its paper has it (arXiv 1711.05101), decay on the matrix alone; clipping, schedule and EMA by hand."""
    model = line()
    assert isinstance(model, nn.Linear)
    parameters = [model.weight, model.bias]
    first, second = ([torch.zeros_like(p) for p in parameters] for _ in range(2))
    average = [p.detach().clone() for p in parameters]
    losses = []
    for step in range(config.steps):
        x = fit().draw(step, MicroBatch()).x
        loss = (model(x) - x.sum(1, keepdim=True)).square().mean()
        losses.append(loss.item())
        gradients = torch.autograd.grad(loss, parameters)
        norm = math.sqrt(sum(float(g.square().sum()) for g in gradients))
        scale = min(1.0, config.optimizer.clip_norm / (norm + 1e-6))
        rate = config.optimizer.learning_rate * (step + 1) / config.optimizer.warmup
        if step >= config.optimizer.warmup:
            progress = (step - config.optimizer.warmup) / (config.steps - config.optimizer.warmup)
            rate = config.optimizer.learning_rate * (0.01 + 0.99 * (1 + math.cos(math.pi * progress)) / 2)
        decay = min(config.ema_decay, (1 + step) / (10 + step))
        with torch.no_grad():
            for index, (parameter, gradient) in enumerate(zip(parameters, gradients, strict=True)):
                g = gradient * scale
                first[index] = 0.9 * first[index] + 0.1 * g
                second[index] = 0.99 * second[index] + 0.01 * g * g
                m, v = first[index] / (1 - 0.9 ** (step + 1)), second[index] / (1 - 0.99 ** (step + 1))
                if parameter.ndim > 1:
                    parameter -= rate * config.optimizer.weight_decay * parameter
                parameter -= rate * m / (v.sqrt() + 1e-8)
                average[index] = decay * average[index] + (1 - decay) * parameter
    return model, average, losses


def test_a_training_is_the_literal_one():
    model, average, losses = literal_training(CONFIG)
    state = fresh_state(line(), CONFIG)
    found = reports(state)
    assert [report.losses["loss"] for report in found if report.losses] == pytest.approx(losses, rel=1e-5)
    for got, expected in zip(weights(state.model), [model.weight, model.bias], strict=True):
        torch.testing.assert_close(got, expected.detach(), rtol=1e-4, atol=1e-6)
    for got, expected in zip(weights(state.ema.model), average, strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-6)


def test_resumed_training_equals_uninterrupted_training_bit_for_bit(tmp_path):
    whole = fresh_state(line(), CONFIG)
    whole_losses = [report.losses for report in reports(whole)]
    first = fresh_state(line(), CONFIG)
    training = train(first, fit(), CONFIG)
    part_losses = [next(training).losses for _ in range(5)]
    first.save(tmp_path)
    second = fresh_state(nn.Linear(3, 1), CONFIG)
    second.load(checkpoints(tmp_path)[-1])
    part_losses += [report.losses for report in reports(second)]
    assert part_losses == whole_losses
    assert all(map(torch.equal, weights(second.model), weights(whole.model)))
    assert all(map(torch.equal, weights(second.ema.model), weights(whole.ema.model)))


@pytest.mark.parametrize("count", [2, 4, 8])
def test_micro_batches_add_up_to_the_batch(count):
    """Terms too, whose counts differ from micro-batch to micro-batch."""
    whole, cut = fresh_state(line(), CONFIG), fresh_state(line(), CONFIG)
    for a, b in zip(reports(whole), reports(cut, config=replaced(CONFIG, micro_batches=count)), strict=True):
        assert a.losses is not None and b.losses is not None
        assert a.losses == pytest.approx(b.losses, rel=1e-5)
        assert a.gradient_norm == pytest.approx(b.gradient_norm, rel=1e-5)
    for a, b in zip(weights(whole.model), weights(cut.model), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


def test_a_loss_that_is_not_finite_stops_before_it_does_harm():
    state = fresh_state(line(), CONFIG)
    before = weights(state.model)

    def not_finite(model: nn.Module, batch) -> dict[str, Term]:
        return {name: Term(term.total * float("nan"), term.count) for name, term in fit().losses(model, batch).items()}

    with pytest.raises(FloatingPointError, match="step 0: loss is nan, gradient norm is nan, expected finite numbers"):
        reports(state, Objective(fit().draw, not_finite))
    assert all(map(torch.equal, weights(state.model), before)) and state.step == 0
    # On a CPU a step that is not logged is checked as well.
    with pytest.raises(FloatingPointError, match="step 0: gradient norm is nan, expected finite numbers"):
        reports(state, Objective(fit().draw, not_finite), replaced(CONFIG, log_every=5))


def test_a_loss_that_is_infinite_under_a_finite_gradient_stops_too():
    def infinite(model: nn.Module, batch) -> dict[str, Term]:
        return {name: Term(term.total + float("inf"), term.count) for name, term in fit().losses(model, batch).items()}

    with pytest.raises(FloatingPointError, match=r"step 0: loss is inf, gradient norm is \d"):
        reports(fresh_state(line(), CONFIG), Objective(fit().draw, infinite))


def test_only_logged_steps_tell_figures():
    found = reports(fresh_state(line(), CONFIG), config=replaced(CONFIG, log_every=5))
    assert [report.step for report in found if report.losses] == [5, 10, 12]
    assert all(report.seconds > 0 and report.gradient_norm > 0 for report in found if report.losses)


def test_learning_rate_rises_and_falls():
    rates = [CONFIG.learning_rate_at(step) for step in range(CONFIG.steps + 1)]
    assert rates[:3] == pytest.approx([1e-2 / 3, 2e-2 / 3, 1e-2])
    assert rates[2] == max(rates) == CONFIG.optimizer.learning_rate
    assert rates[-1] == pytest.approx(CONFIG.optimizer.learning_rate / 100)
    constant = replaced(CONFIG, schedule="constant")
    assert {constant.learning_rate_at(step) for step in range(3, 100)} == {CONFIG.optimizer.learning_rate}


def test_micro_batches_that_cannot_be_shared_are_refused():
    with pytest.raises(ValueError, match="batch_size 8 is not a multiple of micro_batches 3"):
        replaced(CONFIG, micro_batches=3)
    with pytest.raises(InputError, match="micro_batches is 1, expected a multiple of the 2 ranks"):
        next(train(fresh_state(line(), CONFIG), fit(), CONFIG, ranks=Ranks(world_size=2)))


WHOLE = ("steps", "batch_size", "micro_batches", "save_every", "log_every", "evaluate_every")
RATES = ("learning_rate", "clip_norm")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, value) for name in WHOLE for value in (0, -1)),
        *((name, value) for name in RATES for value in (0.0, -1.0, math.nan, math.inf)),
    ],
)
def test_settings_that_must_be_above_zero(name, value):
    with pytest.raises(ValueError, match=f"{name} is {value}, expected a finite number above 0"):
        replaced(CONFIG, **{name: value})


@pytest.mark.parametrize(
    ("name", "value"), [("warmup", -1), ("weight_decay", math.nan), ("patience", -1), ("seed", -1)]
)
def test_settings_that_must_not_be_below_zero(name, value):
    with pytest.raises(ValueError, match=f"{name} is {value}, expected a finite number of at least 0"):
        replaced(CONFIG, **{name: value})


@pytest.mark.parametrize("value", [1.0, -0.1, math.nan])
def test_the_decay_of_the_average_is_below_one(value):
    with pytest.raises(ValueError, match=f"ema_decay is {value}"):
        replace(CONFIG, ema_decay=value)


def test_bf16_trains_on_a_cpu():
    """Not silently in fp32: the loss is that of a matrix product of 8 bits, near the other and not equal to it."""
    found = [reports(fresh_state(line(), c), config=c) for c in (CONFIG, replaced(CONFIG, precision="bf16"))]
    exact, rounded = ([report.losses["loss"] for report in run if report.losses] for run in found)
    assert rounded == pytest.approx(exact, rel=0.05) and rounded != exact


def test_seconds_are_those_of_one_step(monkeypatch):
    """A clock that goes on by one whenever it is read: once at the start, twice at every logged step."""
    ticks = itertools.count()
    monkeypatch.setattr("cmmd.training.loop.time", SimpleNamespace(perf_counter=lambda: next(ticks)))
    found = reports(fresh_state(line(), CONFIG), config=replaced(CONFIG, log_every=5))
    assert [report.seconds for report in found if report.losses] == [1 / 5, 1 / 5, 1 / 2]
