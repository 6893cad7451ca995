"""Checkpoints: whole or not there, of this model or refused, and nothing in them is ever executed."""

import json
import pickle
from pathlib import Path

import pytest
import torch
from line import fit, line, weights
from safetensors.torch import load_file, save_file
from torch import nn

from cmmd.errors import InputError
from cmmd.training.loop import fresh_state, train
from cmmd.training.loop_config import LoopConfig, OptimizerConfig
from cmmd.training.state import RETAINED, DamagedCheckpoint, TrainingState, checkpoints

CONFIG = LoopConfig(steps=6, batch_size=8, optimizer=OptimizerConfig(learning_rate=1e-2, weight_decay=0.1, warmup=1))


def trained() -> TrainingState:
    state = fresh_state(line(), CONFIG)
    for _ in train(state, fit(), CONFIG):
        pass
    return state


def test_a_half_written_save_is_not_a_checkpoint(tmp_path):
    fresh_state(line(), CONFIG).save(tmp_path)
    (tmp_path / ".step-00000009.0123abcd.part").mkdir()
    assert [path.name for path in checkpoints(tmp_path)] == ["step-00000000"]


def test_old_checkpoints_go_and_the_best_one_stays(tmp_path):
    state = fresh_state(line(), CONFIG)
    for state.step in range(RETAINED + 3):
        if state.step == 1:
            assert state.note_held_out(0.5) and not state.note_held_out(0.5)
        state.save(tmp_path)
    assert [path.name for path in checkpoints(tmp_path)] == ["step-00000001", "step-00000003", "step-00000004"]


def test_a_checkpoint_brings_everything_back(tmp_path):
    state = trained()
    state.note_held_out(0.25)
    state.save(tmp_path)
    other = fresh_state(nn.Linear(3, 1), CONFIG)
    other.load(checkpoints(tmp_path)[-1])
    assert (other.step, other.best_loss, other.best_step) == (6, 0.25, 6)
    assert all(map(torch.equal, weights(other.model), weights(state.model)))
    assert all(map(torch.equal, weights(other.ema.model), weights(state.ema.model)))
    assert not all(map(torch.equal, weights(state.ema.model), weights(state.model)))
    for mine, its in zip(state.optimizer.state.values(), other.optimizer.state.values(), strict=True):
        assert all(torch.equal(mine[name], its[name]) for name in ("step", "exp_avg", "exp_avg_sq"))
    assert [group["weight_decay"] for group in other.optimizer.param_groups] == [0.1, 0.0]


def test_the_learning_rate_is_the_configurations_and_not_the_checkpoints(tmp_path):
    trained().save(tmp_path)
    other = TrainingState.fresh(line(), learning_rate=0.5, weight_decay=0.3, ema_decay=0.9)
    other.load(checkpoints(tmp_path)[-1])
    assert [(group["lr"], group["weight_decay"]) for group in other.optimizer.param_groups] == [(0.5, 0.3), (0.5, 0.0)]


def test_files_are_safetensors_and_json_alone(tmp_path):
    """Of no device: what a GPU wrote is read where there is none."""
    folder = trained().save(tmp_path)
    assert sorted(path.name for path in folder.iterdir()) == [
        "ema.safetensors",
        "model.safetensors",
        "optimizer.safetensors",
        "state.json",
    ]
    assert json.loads((folder / "state.json").read_text()) == {"step": 6, "best_loss": None, "best_step": None}
    assert b"cuda" not in b"".join(path.read_bytes() for path in folder.iterdir())


class Payload:
    """Writes a file when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return (Path.touch, (self.marker,))


@pytest.mark.parametrize("name", [".metadata", "optimizer.pt", "optimizer.bin", "model.bin", "__0_0.distcp"])
def test_nothing_is_unpickled(tmp_path, name):
    """A checkpoint that somebody else made, with a file that torch would unpickle, beside the others and alone."""
    marker = tmp_path / "marker"
    folder = trained().save(tmp_path)
    (folder / name).write_bytes(pickle.dumps(Payload(marker)))
    fresh_state(line(), CONFIG).load(folder)
    for path in folder.glob("*.safetensors"):
        path.unlink()
    with pytest.raises(InputError, match="found no such file, expected a file of a whole checkpoint"):
        fresh_state(line(), CONFIG).load(folder)
    assert not marker.exists()
    pickle.loads((folder / name).read_bytes())
    assert marker.exists(), "the payload itself works"


@pytest.mark.parametrize("name", ["model", "ema", "optimizer"])
def test_a_tensor_that_is_missing_unknown_or_of_another_shape_or_type_is_named(tmp_path, name):
    folder = trained().save(tmp_path)
    path = folder / f"{name}.safetensors"
    tensors = load_file(path)
    key = next(iter(tensors))
    changes = {
        "not of this configuration: no tensor for": {k: tensor for k, tensor in tensors.items() if k != key},
        r"float32 \(2,\) for surplus, expected no tensor": tensors | {"surplus": torch.zeros(2)},
        rf"float32 \(7,\) for {key}, expected float32": tensors | {key: torch.zeros(7)},
        rf"float16 .* for {key}, expected float32": tensors | {key: tensors[key].half()},
        rf"damage \({key} is not finite\)": tensors | {key: tensors[key] * torch.nan},
    }
    for message, changed in changes.items():
        save_file(changed, path)
        with pytest.raises(InputError, match=message) as caught:
            fresh_state(line(), CONFIG).load(folder)
        assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize("name", ["model.safetensors", "ema.safetensors", "optimizer.safetensors", "state.json"])
@pytest.mark.parametrize("content", [None, b"", b"\x00" * 40, b'{"step": '])
def test_a_damaged_checkpoint_is_told_in_a_line(tmp_path, name, content):
    folder = trained().save(tmp_path)
    (folder / name).unlink() if content is None else (folder / name).write_bytes(content)
    with pytest.raises(DamagedCheckpoint, match="expected a file of a whole checkpoint") as caught:
        fresh_state(line(), CONFIG).load(folder)
    assert str(caught.value).startswith(str(folder / name)) and len(str(caught.value).splitlines()) == 1


def test_a_checkpoint_of_another_model_is_refused_in_one_line(tmp_path):
    fresh_state(line(), CONFIG).save(tmp_path)
    with pytest.raises(InputError, match=r"float32 \(1, 3\) for weight, expected float32 \(1, 5\)"):
        fresh_state(nn.Linear(5, 1), CONFIG).load(checkpoints(tmp_path)[-1])


def test_whoever_may_read_the_folder_may_read_a_checkpoint(tmp_path):
    tmp_path.chmod(0o755)
    folder = trained().save(tmp_path)
    assert all(path.stat().st_mode & 0o444 == 0o444 for path in folder.iterdir())


@pytest.mark.parametrize(
    "counts",
    [
        {"step": -5, "best_loss": None, "best_step": None},
        {"step": "7", "best_loss": None, "best_step": None},
        {"step": True, "best_loss": None, "best_step": None},
        {"step": 6, "best_loss": "a", "best_step": 2},
        {"step": 6, "best_loss": 0.5, "best_step": 1.5},
        {"step": None, "best_loss": None, "best_step": None},
        {"step": 7, "best_loss": None, "best_step": None},
        {"step": 6, "best_loss": float("nan"), "best_step": 2},
        {"step": 6},
        [],
    ],
)
def test_counts_that_nobody_wrote_are_refused(tmp_path, counts):
    folder = trained().save(tmp_path)
    (folder / "state.json").write_text(json.dumps(counts))
    with pytest.raises(DamagedCheckpoint, match=r"state\.json: found"):
        fresh_state(line(), CONFIG).load(folder)


def test_other_folders_are_no_checkpoints(tmp_path):
    trained().save(tmp_path)
    for name in ("step-old", "step-00000009.bak", "step-9", "step-0000000a"):
        (tmp_path / name).mkdir()
    assert [path.name for path in checkpoints(tmp_path)] == ["step-00000006"]
