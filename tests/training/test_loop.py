"""The loop: resume is bit for bit, non-finite losses stop it, saves are atomic, logs hold every step once."""

import json
from collections.abc import Mapping
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from cmmd.errors import InputError
from cmmd.training.log import Log, read_log
from cmmd.training.loop import LoopConfig, Part, fresh_state, learning_rate_at, step_generator, train
from cmmd.training.run import run_training
from cmmd.training.state import KEPT, checkpoints
from cmmd.training.team import Team

CONFIG = LoopConfig(steps=12, batch_size=4, learning_rate=1e-2, warmup=3, save_every=4, log_every=1)


def line() -> nn.Module:
    torch.manual_seed(0)
    return nn.Linear(3, 1)


def losses(model: nn.Module, part: Part, generator: torch.Generator) -> Mapping[str, Tensor]:
    x = torch.randn(8, 3, generator=generator)
    return {"loss": (model(x) - x.sum(1, keepdim=True)).square().mean()}


def weights(module: nn.Module) -> list[Tensor]:
    return [parameter.clone() for parameter in module.state_dict().values()]


def test_resumed_training_equals_uninterrupted_training_bit_for_bit(tmp_path):
    whole = fresh_state(line(), CONFIG)
    whole_losses = [report.losses["loss"] for report in train(whole, losses, CONFIG)]

    first = fresh_state(line(), CONFIG)
    reports = train(first, losses, CONFIG)
    part_losses = [next(reports).losses["loss"] for _ in range(5)]
    first.save(tmp_path)
    second = fresh_state(nn.Linear(3, 1), CONFIG)
    second.load(checkpoints(tmp_path)[-1])
    part_losses += [report.losses["loss"] for report in train(second, losses, CONFIG)]

    assert part_losses == whole_losses
    assert all(map(torch.equal, weights(second.model), weights(whole.model)))
    assert all(map(torch.equal, weights(second.average), weights(whole.average)))


def test_a_run_killed_between_saves_ends_in_the_same_weights_and_log(tmp_path):
    def stops(model: nn.Module, part: Part, generator: torch.Generator) -> Mapping[str, Tensor]:
        if part.step == 6:
            raise KeyboardInterrupt
        return losses(model, part, generator)

    whole = run_training(line(), losses, loop=CONFIG, config=CONFIG, out=tmp_path / "whole", resume=False)
    with pytest.raises(KeyboardInterrupt):
        run_training(line(), stops, loop=CONFIG, config=CONFIG, out=tmp_path / "part", resume=False)
    part = run_training(line(), losses, loop=CONFIG, config=CONFIG, out=tmp_path / "part", resume=True)
    assert all(map(torch.equal, weights(whole), weights(part)))
    logs = [
        [(entry["step"], entry["loss"]) for entry in read_log(tmp_path / name / "log.jsonl") if "step" in entry]
        for name in ("whole", "part")
    ]
    assert logs[0] == logs[1] and len(logs[0]) == CONFIG.steps
    assert (tmp_path / "part" / "losses.png").stat().st_size > 1000


def test_a_half_written_save_is_not_a_checkpoint(tmp_path):
    state = fresh_state(line(), CONFIG)
    state.save(tmp_path)
    (tmp_path / ".step-00000009.partial").mkdir()
    assert [path.name for path in checkpoints(tmp_path)] == ["step-00000000"]


def test_old_checkpoints_go(tmp_path):
    state = fresh_state(line(), CONFIG)
    for state.step in range(KEPT + 3):
        state.save(tmp_path)
    assert [path.name for path in checkpoints(tmp_path)] == ["step-00000003", "step-00000004"]


def test_a_loss_that_is_not_finite_stops_before_it_does_harm():
    state = fresh_state(line(), CONFIG)
    before = weights(state.model)

    def not_finite(model: nn.Module, part: Part, generator: torch.Generator) -> Mapping[str, Tensor]:
        return {name: loss * float("nan") for name, loss in losses(model, part, generator).items()}

    with pytest.raises(FloatingPointError, match="step 0: loss is nan, gradient norm nan, expected finite numbers"):
        next(train(state, not_finite, CONFIG))
    assert all(map(torch.equal, weights(state.model), before)) and state.step == 0


def test_the_average_follows_the_weights():
    state = fresh_state(line(), CONFIG)
    start = weights(state.average.module)
    for _ in train(state, losses, CONFIG):
        pass
    for was, average, now in zip(start, weights(state.average.module), weights(state.model), strict=True):
        assert ((average - was).abs() > 0).all()
        assert ((average - now).abs() < (was - now).abs()).all()


def test_learning_rate_rises_and_falls():
    rates = [learning_rate_at(step, CONFIG) for step in range(CONFIG.steps + 1)]
    assert rates[2] == max(rates) == CONFIG.learning_rate
    assert rates[-1] == pytest.approx(CONFIG.learning_rate / 100)
    constant = replace(CONFIG, schedule="constant")
    assert {learning_rate_at(step, constant) for step in range(3, 100)} == {CONFIG.learning_rate}


def test_every_step_has_its_own_noise():
    draws = {
        torch.randn(1, generator=step_generator(seed, step, part)).item()
        for seed in range(3)
        for step in range(50)
        for part in range(4)
    }
    assert len(draws) == 600


def test_a_run_is_not_overwritten_and_not_resumed_under_another_configuration(tmp_path):
    run_training(line(), losses, loop=CONFIG, config=CONFIG, out=tmp_path, resume=False)
    with pytest.raises(InputError, match="holds a run already, expected --resume"):
        run_training(line(), losses, loop=CONFIG, config=CONFIG, out=tmp_path, resume=False)
    other = LoopConfig(steps=20, batch_size=4)
    with pytest.raises(InputError, match="another configuration"):
        run_training(line(), losses, loop=other, config=other, out=tmp_path, resume=True)


def test_a_checkpoint_of_another_model_is_refused_in_one_line(tmp_path):
    fresh_state(line(), CONFIG).save(tmp_path)
    with pytest.raises(InputError, match="not a checkpoint of this configuration"):
        fresh_state(nn.Linear(5, 1), CONFIG).load(checkpoints(tmp_path)[-1])


def test_log_survives_a_line_cut_short(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text(json.dumps({"step": 1}) + "\n" + '{"step": 2, "lo')
    log = Log(path, resume_at=1)
    log.write(step=2)
    assert [entry["step"] for entry in read_log(path)] == [1, 2]


def test_parts_of_a_batch_add_up_to_its_gradient():
    """Gradient accumulation: a batch in parts trains as the whole batch does."""
    x = torch.randn(8, 3, generator=torch.Generator().manual_seed(0))

    def fixed(model: nn.Module, part: Part, generator: torch.Generator) -> Mapping[str, Tensor]:
        own = part.of(x)
        return {"loss": (model(own) - own.sum(1, keepdim=True)).square().mean(), f"part{part.index}": own.sum()}

    runs = []
    for parts in (1, 4):
        config = replace(CONFIG, batch_size=8, parts=parts)
        state = fresh_state(line(), config)
        runs.append(([report.losses for report in train(state, fixed, config)], weights(state.model)))
    for whole, cut in zip(runs[0][0], runs[1][0], strict=True):
        assert whole["loss"] == pytest.approx(cut["loss"], rel=1e-5)
    assert "part3" in runs[1][0][0] and "part3" not in runs[0][0][0]
    for a, b in zip(runs[0][1], runs[1][1], strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


def test_parts_that_cannot_be_shared_are_refused():
    with pytest.raises(ValueError, match="batch_size 4 is not a multiple of its 3 parts"):
        replace(CONFIG, parts=3)
    with pytest.raises(InputError, match="parts is 1, expected a multiple of the 2 processes"):
        next(train(fresh_state(line(), CONFIG), losses, CONFIG, team=Team(size=2)))


@pytest.mark.parametrize(
    "name", ["steps", "batch_size", "parts", "learning_rate", "clip_norm", "save_every", "log_every"]
)
def test_settings_are_checked(name):
    zero = type(getattr(CONFIG, name))(0)
    with pytest.raises(ValueError, match=f"{name} is {zero}, expected more than 0"):
        replace(CONFIG, **{name: zero})
