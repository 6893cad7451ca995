"""A run's folder: held-out losses choose the step, training stops where they do not fall, figures and trackers."""

import sys
import types
from collections.abc import Mapping
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from cmmd.errors import InputError
from cmmd.training.log import read_log
from cmmd.training.loop import LoopConfig, Part, StepReport
from cmmd.training.run import run_training
from cmmd.training.state import checkpoints
from cmmd.training.team import Team
from cmmd.training.throughput import Throughput, matrix_product_speed

CONFIG = LoopConfig(steps=40, batch_size=4, learning_rate=1e-1, warmup=2, average_decay=0.1, save_every=5, log_every=5)


def line() -> nn.Module:
    torch.manual_seed(0)
    return nn.Linear(3, 1)


def slope_of(value: float):
    """Losses of fitting y = value * sum(x)."""

    def losses(model: nn.Module, part: Part, generator: torch.Generator) -> Mapping[str, Tensor]:
        x = torch.randn(8, 3, generator=generator)
        return {"loss": (model(x) - value * x.sum(1, keepdim=True)).square().mean()}

    return losses


def held_out(log) -> dict[int, float]:
    return {entry["step"]: entry["held_out_loss"] for entry in read_log(log) if "held_out_loss" in entry}


def test_the_best_step_by_what_is_held_out_is_kept_and_returned(tmp_path):
    """Training towards a slope of 3 passes by one of 0.5, which is what the held-out clips have."""
    config = replace(CONFIG, evaluate_every=2)
    model = run_training(
        line(), slope_of(3.0), loop=config, config=config, out=tmp_path, resume=False, held_out=slope_of(0.5)
    )
    found = held_out(tmp_path / "log.jsonl")
    best = min(found, key=lambda step: found[step])
    assert 0 < best < config.steps and len(found) == config.steps // 2
    names = [path.name for path in checkpoints(tmp_path)]
    assert names == [f"step-{step:08d}" for step in (best, config.steps - 5, config.steps)]
    x = torch.randn(1000, 3)
    error = (model(x) - 0.5 * x.sum(1, keepdim=True)).square().mean().item()
    assert error == pytest.approx(found[best], rel=0.3) and error < found[config.steps] / 2


def test_training_stops_when_what_is_held_out_gets_no_better_and_a_resumed_one_at_the_same_step(tmp_path):
    config = replace(CONFIG, evaluate_every=2, patience=4)

    def stops(model: nn.Module, part: Part, generator: torch.Generator) -> Mapping[str, Tensor]:
        if part.step == 7:
            raise KeyboardInterrupt
        return slope_of(3.0)(model, part, generator)

    shared = {"loop": config, "config": config, "held_out": slope_of(0.5)}
    whole = run_training(line(), slope_of(3.0), out=tmp_path / "whole", resume=False, **shared)
    with pytest.raises(KeyboardInterrupt):
        run_training(line(), stops, out=tmp_path / "part", resume=False, **shared)
    part = run_training(line(), slope_of(3.0), out=tmp_path / "part", resume=True, **shared)
    found = held_out(tmp_path / "whole" / "log.jsonl")
    best = min(found, key=lambda step: found[step])
    assert max(found) == best + 8 < config.steps
    assert held_out(tmp_path / "part" / "log.jsonl") == found
    again = run_training(line(), slope_of(3.0), out=tmp_path / "part", resume=True, **shared)
    assert held_out(tmp_path / "part" / "log.jsonl") == found
    for other in (part, again):
        assert all(map(torch.equal, whole.state_dict().values(), other.state_dict().values()))


def test_the_log_tells_clips_a_second_and_the_share_of_the_peak(tmp_path):
    run_training(line(), slope_of(1.0), loop=CONFIG, config=CONFIG, out=tmp_path, resume=False)
    first, *lines = read_log(tmp_path / "log.jsonl")
    assert first["matrix_product_gflops"] > 0.1
    assert all(entry["clips_per_second"] > 0 and entry["share_of_peak"] < 1 for entry in lines)


@pytest.mark.parametrize("attends", [False, True])
def test_operations_are_counted_as_by_hand(attends):
    """A matrix product forward and two backward; attention, which is one operation on a CPU, as well."""
    x = torch.randn(2, 1, 8, 16, requires_grad=True)

    def step() -> StepReport:
        if attends:
            torch.nn.functional.scaled_dot_product_attention(x, x, x).sum().backward()
        else:
            (x @ torch.randn(16, 5, requires_grad=True)).sum().backward()
        return StepReport(1, {"loss": 0.0}, 0.0, seconds=0.5)

    throughput = Throughput(CONFIG, Team(), peak=1e6)
    reports = list(throughput.counted(step() for _ in range(2)))
    # Attention: two products forward; five backward, the first of which is the scores' again.
    products = 2 * (2 * 8 * 8 * 16) * (2 + 5) if attends else 2 * (2 * 8 * 16 * 5) * 3
    assert throughput.flops == products
    assert throughput.of(reports) == {"clips_per_second": 8.0, "share_of_peak": round(products / 0.5 / 1e6, 4)}


def test_a_larger_product_is_not_faster_than_possible():
    assert 1e8 < matrix_product_speed(torch.device("cpu"), torch.float32) < 1e13


def test_blocks_are_compiled_where_it_is_asked_for(tmp_path, monkeypatch):
    compiled = []
    monkeypatch.setattr(nn.Module, "compile", lambda self: compiled.append(type(self).__name__))
    config = replace(CONFIG, compile=True, steps=1)
    run_training(line(), slope_of(1.0), loop=config, config=config, out=tmp_path, resume=False)
    assert compiled == ["Linear"]


def test_tensorboard_gets_the_figures_of_the_log(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    config = replace(CONFIG, trackers=("tensorboard",))
    run_training(line(), slope_of(1.0), loop=config, config=config, out=tmp_path, resume=False)
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    logged = {entry["step"]: entry["loss"] for entry in read_log(tmp_path / "log.jsonl") if "loss" in entry}
    assert {event.step: event.value for event in events.Scalars("loss")} == pytest.approx(logged)


def test_wandb_gets_the_figures_of_the_log(tmp_path, monkeypatch):
    told: list[tuple[int, float]] = []
    settings = {}

    class Run:
        def log(self, figures: dict[str, float], *, step: int) -> None:
            told.append((step, figures["loss"]))

        def finish(self) -> None:
            told.append((-1, 0.0))

    def init(**given: object) -> Run:
        settings.update(given)
        return Run()

    wandb = types.ModuleType("wandb")
    monkeypatch.setattr(wandb, "init", init, raising=False)
    monkeypatch.setitem(sys.modules, "wandb", wandb)
    config = replace(CONFIG, trackers=("wandb",))
    run_training(line(), slope_of(1.0), loop=config, config=config, out=tmp_path, resume=False)
    assert told == [
        *((entry["step"], entry["loss"]) for entry in read_log(tmp_path / "log.jsonl") if "loss" in entry),
        (-1, 0.0),
    ]
    assert settings["config"]["steps"] == 40 and settings["resume"] is None


@pytest.mark.parametrize(("name", "package"), [("tensorboard", "torch.utils.tensorboard"), ("wandb", "wandb")])
def test_a_tracker_that_is_not_installed_is_told_before_training(tmp_path, monkeypatch, name, package):
    monkeypatch.setitem(sys.modules, package, None)
    config = replace(CONFIG, trackers=(name,))
    with pytest.raises(InputError, match=f"{name} is not installed, expected it after: pip install"):
        run_training(line(), slope_of(1.0), loop=config, config=config, out=tmp_path, resume=False)
    assert not (tmp_path / "log.jsonl").exists()
