"""A run's folder: held-out losses choose the step, training stops where they do not fall, figures and trackers."""

import sys
import types
from dataclasses import dataclass, replace

import pytest
import torch
from line import fit, line, weights
from safetensors.torch import load_file
from torch import nn

from cmmd.errors import InputError
from cmmd.files.inline_groups import replaced
from cmmd.training.held_out import HeldOut
from cmmd.training.log import Log, read_log
from cmmd.training.loop_config import LoopConfig, OptimizerConfig, ReportsConfig
from cmmd.training.objective import MicroBatch, Objective
from cmmd.training.run import run_training
from cmmd.training.state import checkpoints
from cmmd.training.throughput import Throughput

CONFIG = LoopConfig(
    steps=40,
    batch_size=8,
    optimizer=OptimizerConfig(learning_rate=1e-1, warmup=2),
    ema_decay=0.1,
    reports=ReportsConfig(save_every=5, log_every=5),
)


def held_out(log) -> dict[int, float]:
    return {entry["step"]: entry["held_out_loss"] for entry in read_log(log) if "held_out_loss" in entry}


def test_the_best_step_by_what_is_held_out_is_kept_and_returned(tmp_path):
    """Training towards a slope of 3 passes by one of 0.5, which is what the held-out clips have."""
    config = replaced(CONFIG, evaluate_every=2)
    model = run_training(
        line(),
        fit(3.0),
        loop=config,
        config=config,
        out=tmp_path,
        resume=False,
        held_out=HeldOut(objective=fit(0.5), batch_size=8),
    )
    found = held_out(tmp_path / "log.jsonl")
    best = min(found, key=lambda step: found[step])
    assert 0 < best < config.steps and len(found) == config.steps // 2
    names = [path.name for path in checkpoints(tmp_path)]
    assert names == [f"step-{step:08d}" for step in (best, config.steps - 5, config.steps)]
    saved = load_file(tmp_path / f"step-{best:08d}" / "ema.safetensors")
    assert all(torch.equal(model.state_dict()[name], value) for name, value in saved.items()) and len(saved) == 2
    x = torch.randn(1000, 3)
    error = (model(x) - 0.5 * x.sum(1, keepdim=True)).square().mean().item()
    assert error == pytest.approx(found[best], rel=0.3) and error < found[config.steps] / 2


def test_training_stops_when_what_is_held_out_gets_no_better_and_a_resumed_one_at_the_same_step(tmp_path):
    config = replaced(CONFIG, evaluate_every=2, patience=4)

    def stops(step: int, micro_batch: MicroBatch):
        if step == 7:
            raise KeyboardInterrupt
        return fit(3.0).draw(step, micro_batch)

    shared = {"loop": config, "config": config, "held_out": HeldOut(objective=fit(0.5), batch_size=8)}
    whole = run_training(line(), fit(3.0), out=tmp_path / "whole", resume=False, **shared)
    with pytest.raises(KeyboardInterrupt):
        run_training(line(), Objective(stops, fit(3.0).losses), out=tmp_path / "part", resume=False, **shared)
    part = run_training(line(), fit(3.0), out=tmp_path / "part", resume=True, **shared)
    found = held_out(tmp_path / "whole" / "log.jsonl")
    best = min(found, key=lambda step: found[step])
    assert max(found) == best + 8 < config.steps
    assert held_out(tmp_path / "part" / "log.jsonl") == found
    again = run_training(line(), fit(3.0), out=tmp_path / "part", resume=True, **shared)
    assert held_out(tmp_path / "part" / "log.jsonl") == found
    for other in (part, again):
        assert all(map(torch.equal, whole.state_dict().values(), other.state_dict().values()))


def test_the_log_tells_items_a_second_and_the_share_of_the_peak(tmp_path):
    run_training(line(), fit(1.0), loop=CONFIG, config=CONFIG, out=tmp_path, resume=False)
    first, *lines = read_log(tmp_path / "log.jsonl")
    assert first["matrix_product_gflops"] > 0.1
    assert all(entry["items_per_second"] > 0 and entry["share_of_peak"] < 1 for entry in lines)


def test_tensorboard_gets_the_figures_of_the_log(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    config = replaced(CONFIG, trackers=("tensorboard",))
    run_training(line(), fit(1.0), loop=config, config=config, out=tmp_path, resume=False)
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
    config = replaced(CONFIG, trackers=("wandb",))
    run_training(line(), fit(1.0), loop=config, config=config, out=tmp_path, resume=False)
    assert told == [
        *((entry["step"], entry["loss"]) for entry in read_log(tmp_path / "log.jsonl") if "loss" in entry),
        (-1, 0.0),
    ]
    assert settings["config"]["steps"] == 40 and settings["resume"] is None


@pytest.mark.parametrize(("name", "package"), [("tensorboard", "tensorboard"), ("wandb", "wandb")])
def test_a_tracker_that_is_not_installed_is_told_before_training(tmp_path, monkeypatch, name, package):
    monkeypatch.setitem(sys.modules, package, None)
    config = replaced(CONFIG, trackers=(name,))
    with pytest.raises(InputError, match=f"{name} is not installed, expected it after: pip install"):
        run_training(line(), fit(1.0), loop=config, config=config, out=tmp_path, resume=False)
    assert list(tmp_path.iterdir()) == []


def test_a_run_killed_between_saves_ends_in_the_same_weights_and_log(tmp_path):
    def stops(step: int, micro_batch: MicroBatch):
        if step == 6:
            raise KeyboardInterrupt
        return fit().draw(step, micro_batch)

    config = replaced(CONFIG, steps=12, save_every=4, log_every=1)
    whole = run_training(line(), fit(), loop=config, config=config, out=tmp_path / "whole", resume=False)
    with pytest.raises(KeyboardInterrupt):
        run_training(
            line(), Objective(stops, fit().losses), loop=config, config=config, out=tmp_path / "part", resume=False
        )
    part = run_training(line(), fit(), loop=config, config=config, out=tmp_path / "part", resume=True)
    assert all(map(torch.equal, weights(whole), weights(part)))
    logs = [
        [(entry["step"], entry["loss"]) for entry in read_log(tmp_path / name / "log.jsonl") if "step" in entry]
        for name in ("whole", "part")
    ]
    assert logs[0] == logs[1] and len(logs[0]) == config.steps
    assert (tmp_path / "part" / "losses.png").stat().st_size > 1000


def test_a_run_is_made_longer_and_a_setting_that_decides_is_named(tmp_path):
    config = replaced(CONFIG, schedule="constant", steps=6, log_every=1)
    longer = replaced(config, steps=10, save_every=3, micro_batches=2)

    def run(loop: LoopConfig, name: str, *, resume: bool) -> nn.Module:
        return run_training(line(), fit(), loop=loop, config=Settings(loop=loop), out=tmp_path / name, resume=resume)

    run(config, "part", resume=False)
    with pytest.raises(InputError, match="holds a run already, expected --resume or another --out"):
        run(config, "part", resume=False)
    other = replaced(longer, learning_rate=0.5, seed=3)
    message = r"yaml: loop\.learning_rate was 0\.1, is 0\.5; loop\.seed was 0, is 3; expected the settings of the run"
    with pytest.raises(InputError, match=message):
        run(other, "part", resume=True)
    grown, whole = run(longer, "part", resume=True), run(longer, "whole", resume=False)
    for a, b in zip(weights(grown), weights(whole), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-7)


@dataclass(frozen=True)
class Settings:
    """As a recipe has them."""

    loop: LoopConfig


def test_there_must_be_a_run_to_resume(tmp_path):
    with pytest.raises(InputError, match=r"none: found no config\.yaml, expected the folder of a run to resume"):
        run_training(line(), fit(), loop=CONFIG, config=CONFIG, out=tmp_path / "none", resume=True)


def test_a_process_that_torchrun_started_again_resumes(tmp_path, monkeypatch):
    config = replace(CONFIG, steps=6)
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "1")
    # Nothing is there yet when the first start failed before it wrote anything.
    run_training(line(), fit(), loop=config, config=config, out=tmp_path, resume=False)
    drawn = []

    def noted(step: int, micro_batch: MicroBatch):
        drawn.append(step)
        return fit().draw(step, micro_batch)

    run_training(line(), Objective(noted, fit().losses), loop=config, config=config, out=tmp_path, resume=False)
    assert drawn == []


def test_what_a_killed_save_left_is_swept_away(tmp_path):
    config = replace(CONFIG, steps=6)
    left = [".step-00000009.0123abcd.part", ".config.yaml.0123abcd.part", ".model.0123abcd.part"]
    own = [".mine.0123abcd.part", ".step-00000009.partial", "notes.part", ".model.part", ".config.yaml.0123ABCD.part"]
    for name in (*left, *own):
        (tmp_path / name).mkdir()
    run_training(line(), fit(), loop=config, config=config, out=tmp_path, resume=False)
    assert sorted(path.name for path in tmp_path.glob("*part*")) == sorted(own)


def test_log_survives_a_line_cut_short(tmp_path):
    path = tmp_path / "log.jsonl"
    Log(path, resume_at=0).write(step=1, loss=0.5)
    with path.open("a") as file:
        file.write('{"step": 2, "lo')
    assert read_log(path) == [{"step": 1, "loss": 0.5}]
    Log(path, resume_at=1).write(step=2, loss=0.25)
    assert [entry["step"] for entry in read_log(path)] == [1, 2]


def test_the_last_step_is_evaluated_wherever_it_falls(tmp_path):
    config = replaced(CONFIG, steps=7, evaluate_every=5)
    held = HeldOut(objective=fit(0.5), batch_size=8)
    run_training(line(), fit(), loop=config, config=config, out=tmp_path, resume=False, held_out=held)
    assert list(held_out(tmp_path / "log.jsonl")) == [5, 7]


def test_operations_are_counted_of_the_logged_step_itself(tmp_path, monkeypatch):
    """Steps are numbered from 0 where batches are drawn, and by how many are done in the log."""
    counted: list[int] = []

    def noted(self: Throughput, step: int, seconds: float) -> dict[str, float]:
        counted.append(step)
        return {}

    monkeypatch.setattr(Throughput, "figures", noted)
    config = replace(CONFIG, steps=12)
    run_training(line(), fit(), loop=config, config=config, out=tmp_path, resume=False)
    assert counted == [4, 9, 11]


def test_a_run_is_not_made_shorter(tmp_path):
    config = replace(CONFIG, steps=6)
    run_training(line(), fit(), loop=config, config=Settings(loop=config), out=tmp_path, resume=False)
    shorter = replace(config, steps=4)
    with pytest.raises(InputError, match=r"has done 6 steps, expected loop\.steps of at least as many, not 4"):
        run_training(line(), fit(), loop=shorter, config=Settings(loop=shorter), out=tmp_path, resume=True)
    assert "steps: 6" in (tmp_path / "config.yaml").read_text()


def test_a_setting_that_was_not_recorded_is_told_so(tmp_path):
    config = replace(CONFIG, steps=2)
    run_training(line(), fit(), loop=config, config=Settings(loop=config), out=tmp_path, resume=False)
    path = tmp_path / "config.yaml"
    path.write_text(path.read_text().replace("  seed: 0\n", ""))
    with pytest.raises(InputError, match=r"loop\.seed was no setting, is 0"):
        run_training(line(), fit(), loop=config, config=Settings(loop=config), out=tmp_path, resume=True)


def test_held_out_clips_that_give_no_number_stop_the_run(tmp_path):
    config = replaced(CONFIG, steps=6, evaluate_every=3)
    held = HeldOut(objective=fit(), batch_size=8, loss=lambda terms: float("nan"))
    with pytest.raises(FloatingPointError, match="step 3: held-out loss is nan"):
        run_training(line(), fit(), loop=config, config=config, out=tmp_path, resume=False, held_out=held)
    assert checkpoints(tmp_path) == []
