"""Recipes: complete configurations that survive a round trip through YAML, and one that trains from nothing."""

import json

import pytest
import yaml
from safetensors.torch import load_file

from cmmd.cli import main
from cmmd.errors import InputError
from cmmd.files.configuration import resolve, to_yaml
from cmmd.latents.video_autoencoder import load_autoencoder
from cmmd.recipes import load_recipe, recipe_names


@pytest.mark.parametrize("name", recipe_names())
def test_a_recipe_is_written_as_yaml_and_read_back(name, tmp_path):
    recipe = load_recipe(name)
    (tmp_path / "recipe.yaml").write_text(to_yaml(recipe))
    assert resolve(recipe, file=tmp_path / "recipe.yaml") == recipe


def test_a_setting_that_makes_no_sense_is_told_in_one_line():
    with pytest.raises(InputError, match="steps"):
        resolve(load_recipe("world.cmmd"), overrides=["loop.steps=0"])
    with pytest.raises(InputError, match="did you mean"):
        resolve(load_recipe("world.cmmd"), overrides=["loop.step=5"])


def test_the_autoencoder_recipe_trains_to_a_folder_that_loads(tmp_path):
    small = ["data.clips=2", "loop.steps=3", "loop.batch_size=2", "loop.log_every=1", "loop.warmup=1"]
    words = [word for setting in small for word in ("--set", setting)]
    assert main(["train", "world.autoencoder", *words, "--out", str(tmp_path / "run")]) == 0
    load_autoencoder(str(tmp_path / "run" / "model"))
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines[1:]] == [1, 2, 3]
    recorded = yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())
    assert recorded.pop("recipe") == "world.autoencoder" and lines[0]["config"] == recorded


def test_training_goes_on_from_a_model_and_refuses_one_of_another_make(tmp_path, capsys):
    small = ["data.clips=2", "loop.steps=1", "loop.batch_size=2"]
    words = [word for setting in small for word in ("--set", setting)]
    first, second = tmp_path / "first", tmp_path / "second"
    assert main(["train", "world.tiny", *words, "--out", str(first)]) == 0
    start = ["--set", f"start={first / 'model'}"]
    # A learning rate of next to nothing: what comes out is what went in.
    assert main(["train", "world.tiny", *words, *start, "--set", "loop.learning_rate=1e-12", "--out", str(second)]) == 0
    before, after = (load_file(out / "model/unet/diffusion_pytorch_model.safetensors") for out in (first, second))
    assert all((before[name].float() - after[name].float()).abs().max() < 1e-3 for name in before)
    capsys.readouterr()
    assert main(["train", "world.cmmd", *words, *start, "--out", str(tmp_path / "third")]) == 2
    message = capsys.readouterr().err.strip()
    assert "message_width is 32, expected 96" in message and len(message.splitlines()) == 1
    assert not (tmp_path / "third").exists()


def test_fine_tuning_keeps_the_best_step_and_looks_for_copies(tmp_path, capsys):
    small = ["data.clips=20", "copies=3", "loop.steps=4", "loop.batch_size=4", "loop.warmup=1", "loop.evaluate_every=2"]
    words = [word for setting in small for word in ("--set", setting)]
    assert main(["train", "world.fine_tune", *words, "--out", str(tmp_path / "run")]) == 0
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    measured = [line for line in lines if "held_out_loss" in line]
    assert [line["step"] for line in measured] == [2, 4]
    gaps = [-line["held_out_gap_time_shift"] for line in measured]
    assert [line["held_out_loss"] for line in measured] == pytest.approx(gaps, abs=1e-3)
    copies = json.loads((tmp_path / "run" / "copies.json").read_text())
    assert all(len(copies[name]["distances"]) == 3 for name in ("video_to_audio", "audio_to_video"))
    assert capsys.readouterr().out.count("of 3 samples are nearer to a training clip") == 2
