"""Recipes on prepared clips: from files to a model, and the paper's recipes take steps."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from made_folder import made_autoencoder, made_clip, made_folder, small_config

from cmmd import CMMDPipeline
from cmmd.cli import main
from cmmd.clips.geometry import Geometry
from cmmd.data.preparing.folder import list_folder
from cmmd.data.preparing.prepare import prepare
from cmmd.data.preparing.request import with_splits
from cmmd.files.inline_groups import replaced
from cmmd.recipes import load_recipe
from cmmd.recipes.coupled import build_network

SMALL = ["loop.steps=2", "loop.warmup=1", "loop.log_every=1"]


def words(*settings: str) -> list[str]:
    return [word for setting in (*SMALL, *settings) for word in ("--set", setting)]


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_folder(tmp_path_factory.mktemp("media"), clips=5)


@pytest.fixture(scope="module")
def folder(media: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("prepared")
    prepare(with_splits(list_folder(media), validation=0.4), out, small_config(), workers=1)
    return out


def test_two_folders_train_from_the_shipped_model(folder, tmp_path):
    settings = ("start=shipped", f"prepared.folders=[{folder},{folder}]", "prepared.weights=[2,1]", "loop.batch_size=4")
    held_out = ("prepared.validate=true", "loop.evaluate_every=1")
    assert main(["train", "folder.cmmd", *words(*settings, *held_out), "--out", str(tmp_path / "run")]) == 0
    assert "held_out_gap_time_shift" in (tmp_path / "run/log.jsonl").read_text()
    shipped, trained = CMMDPipeline.from_pretrained(), CMMDPipeline.from_pretrained(tmp_path / "run/model")
    # Clips are standardised as the starting model knows them.
    assert trained.statistics == shipped.statistics


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (("geometry.image_size=128",), "clips prepared with image_size 64, not 128"),
        (("geometry.fps=20", "codec=complex_stft"), "fps 10, not 20; codec log_mel, not complex_stft"),
        (("geometry.frames=24",), "clips of 16 frames and more, not 24"),
        (("held_out=0.5",), "held_out and copies are for clips of the world"),
        (("prepared.folders=[nowhere]",), "nowhere: found no index.json"),
        (("prepared.mirror=true",), "found no mirrored clips, expected clips of cmmd prepare --mirror"),
    ],
)
def test_clips_that_do_not_fit_the_recipe_are_refused(folder, tmp_path, capsys, settings, message):
    command = ["train", "folder.cmmd", *words(f"prepared.folders=[{folder}]", *settings)]
    assert main([*command, "--out", str(tmp_path / "run")]) == 2
    told = capsys.readouterr().err.strip()
    assert message in told and len(told.splitlines()) == 1
    assert not (tmp_path / "run").exists()


def test_another_autoencoder_is_refused(folder, tmp_path, capsys):
    other = made_autoencoder(tmp_path / "autoencoder")
    command = ["train", "folder.cmmd", *words(f"prepared.folders=[{folder}]", f"autoencoder={other}")]
    assert main([*command, "--out", str(tmp_path / "run")]) == 2
    assert "the latents of another autoencoder" in capsys.readouterr().err


@pytest.mark.slow
def test_a_recipe_of_the_paper_takes_two_steps(media, tmp_path):
    """At full size, but for the autoencoder, whose random stand-in is of the same class, and the batch. The other three
    differ from it in their clips, the number of steps and the weight of the contrastive term only: see below."""
    config = small_config(autoencoder=made_autoencoder(tmp_path / "autoencoder"), geometry=Geometry(image_size=128))
    prepare(with_splits(list_folder(media), validation=0.2), tmp_path / "prepared", config, workers=1)
    settings = (f"prepared.folders=[{tmp_path / 'prepared'}]", f"autoencoder={config.autoencoder}")
    small = ("loop.batch_size=2", "loop.micro_batches=1", "loop.precision=fp32")
    assert main(["train", "aist.cmmd", *words(*settings, *small), "--out", str(tmp_path / "run")]) == 0
    made = CMMDPipeline.from_pretrained(tmp_path / "run/model").to(torch.float32)
    clip = made_clip(tmp_path / "new.mkv", seconds=1.6)
    assert made.video_to_audio(clip, steps=1)[0].waveform.shape == (25_600,)


@pytest.mark.parametrize("method", ["cmmd", "ncmmd"])
def test_the_papers_recipes_differ_from_each_other_in_their_clips_and_the_number_of_steps_only(method):
    aist, epic_sounds = (load_recipe(f"{name}.{method}") for name in ("aist", "epic_sounds"))
    assert aist.clips.prepared != epic_sounds.clips.prepared and aist.loop.steps != epic_sounds.loop.steps
    loop = replace(epic_sounds.loop, steps=aist.loop.steps)
    assert replaced(epic_sounds, prepared=aist.clips.prepared, loop=loop) == aist


@pytest.mark.parametrize("name", ["aist.cmmd", "epic_sounds.cmmd"])
def test_the_papers_recipes_are_of_base_size_and_differ_from_ncmmd_in_the_weight_only(name):
    recipe = load_recipe(name)
    with torch.device("meta"):
        network = build_network(recipe, latent_channels=4, spectrogram_channels=1, bins=64)
    assert 60e6 < sum(parameter.numel() for parameter in network.parameters()) < 150e6
    without = load_recipe(name.replace("cmmd", "ncmmd"))
    assert recipe != without and recipe.contrastive.weight > 0 == without.contrastive.weight
    assert (recipe.network, recipe.loop, recipe.conditioning) == (without.network, without.loop, without.conditioning)
