"""Runs of recipes: resumed from what they left on disk, wherever they are resumed from; every ablation takes a step."""

import json
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file
from tiny_runs import command, logged, train

from cmmd.cli import main
from cmmd.diffusion.mismatch import MISMATCHES
from cmmd.latents.small_autoencoder import small_autoencoder

pytestmark = pytest.mark.slow

WEIGHTS = "model/unet/diffusion_pytorch_model.safetensors"
TOLD = ("loss", "gradient_norm")
ALL_KINDS = f"contrastive.mismatches=[{','.join(MISMATCHES)}]"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Beside its runs lie the encoded clips, which all of them share."""
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def finished(folder: Path) -> Path:
    """A run of two steps."""
    train("world.tiny", "contrastive.weight=0.1", "contrastive.negatives=both", out=folder / "finished")
    return folder / "finished"


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The one line of a command that is refused."""
    capsys.readouterr()
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("cmmd: ") and err.count("\n") == 1
    return err.strip()


def test_a_resumed_run_is_the_run_that_was_never_stopped(folder):
    settings = ("contrastive.weight=0.1", "contrastive.begin=1", "contrastive.ramp=1")
    whole = train("world.tiny", *settings, "loop.steps=4", out=folder / "whole")
    train("world.tiny", *settings, "loop.steps=2", out=folder / "stopped")
    before = logged(folder / "stopped")
    (folder / "stopped/model/stale.txt").write_text("of the shorter run")
    # Its settings and its recipe are in the folder: neither has to be told again.
    assert main(["train", "--resume", "--out", str(folder / "stopped"), "--set", "loop.steps=4"]) == 0
    resumed = logged(folder / "stopped")
    assert [line["step"] for line in resumed] == [1, 2, 3, 4]
    assert resumed[:2] == before  # with the seconds that they took: no step was done again
    for line, expected in zip(resumed, whole, strict=True):
        assert {name: line[name] for name in TOLD} == {name: expected[name] for name in TOLD}
    for file in ("model", "ema", "optimizer"):
        ours, theirs = (load_file(folder / run / f"step-00000004/{file}.safetensors") for run in ("stopped", "whole"))
        assert ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert not (folder / "stopped/model/stale.txt").exists()


def test_what_is_resumed_must_be_there_and_be_the_same_run(finished, folder, capsys):
    out = ("--out", str(finished))
    assert "holds a run already, expected --resume or another --out" in refused(
        capsys, *command("world.tiny", out=finished)
    )
    told = refused(capsys, "train", "--resume", *out, "--set", "loop.learning_rate=1.0")
    assert "loop.learning_rate was 0.001, is 1.0; expected the settings of the run to resume it" in told
    told = refused(capsys, "train", "world.cmmd", "--resume", *out)
    assert "found a run of world.tiny, expected one of world.cmmd" in told
    told = refused(capsys, "train", "world.tiny", "--resume", "--out", str(folder / "nothing"))
    assert "expected the folder of a run to resume" in told
    assert not (folder / "nothing").exists()


def test_the_settings_of_a_run_name_its_recipe_and_make_another_one(finished, folder, capsys):
    recorded = yaml.safe_load((finished / "config.yaml").read_text())
    assert recorded.pop("recipe") == "world.tiny"
    assert recorded["contrastive"]["weight"] == 0.1 and recorded["network"]["video_widths"] == [8, 16]
    capsys.readouterr()
    assert main(["train", "world.tiny", "--config", str(finished / "config.yaml"), "--show"]) == 0
    assert yaml.safe_load(capsys.readouterr().out) == recorded
    again = ["train", "--config", str(finished / "config.yaml"), "--out", str(folder / "again")]
    assert main(again) == 0
    first, second = (load_file(out / WEIGHTS) for out in (finished, folder / "again"))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_folders_are_put_on_record_whole_and_resumed_from_anywhere(folder, tmp_path, monkeypatch):
    torch.manual_seed(0)
    small_autoencoder().save_pretrained(tmp_path / "autoencoder")
    monkeypatch.chdir(tmp_path)
    train("world.tiny", "autoencoder=autoencoder", out=tmp_path / "first")
    train("world.tiny", "start=first/model", out=tmp_path / "second")
    recorded = [yaml.safe_load((tmp_path / name / "config.yaml").read_text()) for name in ("first", "second")]
    assert recorded[0]["autoencoder"] == str((tmp_path / "autoencoder").resolve())
    assert recorded[1]["start"] == str((tmp_path / "first/model").resolve())
    monkeypatch.chdir(folder)
    for name in ("first", "second"):
        assert main(["train", "--resume", "--out", str(tmp_path / name), "--set", "loop.steps=3"]) == 0
        assert logged(tmp_path / name)[-1]["step"] == 3


@pytest.mark.parametrize(
    "settings",
    [
        ("network.clean_hears=true", "contrastive.form=linear"),
        ("network.fusion=none",),
        ("network.message_reduction=mean", "prediction_type=epsilon"),
        ("loop.batch_size=3", "network.blocks_per_level=2"),
        ("loop.micro_batches=2", "loop.precision=bf16", "contrastive.fraction=1.0"),
        ("contrastive.form=pull", "contrastive.joint=true", "contrastive.least_noise=0.2"),
    ],
    ids=lambda settings: settings[0].split(".")[1],
)
def test_every_ablation_takes_a_step(folder, settings):
    every = ("contrastive.weight=0.1", "contrastive.negatives=both", ALL_KINDS, "loop.steps=1")
    (line,) = train("world.tiny", *every, *settings, out=folder / settings[0])
    assert line["loss"] > 0 and line["gradient_norm"] > 0 and "contrastive" in line


def test_a_model_whose_condition_hears_is_sampled_as_well(folder):
    settings = ("network.clean_hears=true", "held_out=0.5", "copies=2", "loop.steps=1")
    train("world.fine_tune", *settings, out=folder / "sampled")
    copies = json.loads((folder / "sampled/copies.json").read_text())
    assert {direction: found["samples"] for direction, found in copies.items()} == {
        "video_to_audio": 2,
        "audio_to_video": 2,
    }


def test_the_log_begins_with_how_the_run_was_made(finished):
    first = json.loads((finished / "log.jsonl").read_text().splitlines()[0])
    recorded = yaml.safe_load((finished / "config.yaml").read_text())
    recorded.pop("recipe")
    assert first["config"] == recorded and first["seed"] == 0
