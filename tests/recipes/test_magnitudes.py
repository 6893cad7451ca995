"""Training of the magnitude network: batches however they are cut, sounds with random gains, and a run that loads."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_runs import command
from tiny_runs import train as train_tiny

from cmmd.cli import main
from cmmd.data.order import batch_indices
from cmmd.data.world.families import world_clip
from cmmd.data.world.rendering import WorldConfig
from cmmd.latents.level import gain_into
from cmmd.latents.magnitude_network import MagnitudeNetwork
from cmmd.latents.spectrogram import LogMelCodec
from cmmd.latents.waveform_decoder import load_waveform_decoder
from cmmd.losses.magnitude import magnitude_losses
from cmmd.pipeline import CMMDPipeline
from cmmd.recipes.magnitudes import MagnitudesRecipe, magnitude_objective
from cmmd.recipes.sounds import training_sounds
from cmmd.training.loop import fresh_state, train
from cmmd.training.loop_config import LoopConfig, OptimizerConfig, ReportsConfig
from cmmd.training.objective import MicroBatch, Objective

CODEC = LogMelCodec(replace(MagnitudesRecipe(), crop=2).geometry)


def sounds(count: int) -> torch.Tensor:
    """Sine tones whose amplitude tells which clip they are."""
    time = torch.arange(8_000) / 16_000
    return 0.01 * (1 + torch.arange(count))[:, None] * torch.sin(2 * torch.pi * 1000 * time)


def objective(*, gains: tuple[float, float] = (0.0, 0.0)) -> Objective:
    return magnitude_objective(sounds(10), CODEC, gains=gains, batch_size=8, seed=1)


def test_a_batch_is_the_same_however_it_is_cut():
    whole = objective().draw(2, MicroBatch())
    cut = [objective().draw(2, MicroBatch(index, 4)) for index in range(4)]
    assert torch.equal(torch.cat([part.log_mel for part in cut]), whole.log_mel)
    assert torch.equal(torch.cat([part.magnitude for part in cut]), whole.magnitude)
    assert whole.log_mel.shape == (8, 64, 16) and whole.magnitude.shape == (8, 513, 16)
    assert not torch.equal(whole.log_mel, objective().draw(3, MicroBatch()).log_mel)


def test_the_mel_is_that_of_the_magnitudes_and_the_clips_are_those_of_the_step():
    batch = objective().draw(5, MicroBatch())
    torch.testing.assert_close((CODEC.filters @ batch.magnitude).clamp_min(0.015).log(), batch.log_mel)
    loudest = batch.magnitude.amax((1, 2))
    expected = 1.0 + batch_indices(10, 8, seed=1, step=5)
    torch.testing.assert_close(loudest / loudest[0], expected / expected[0], rtol=0.02, atol=0)


def test_gains_are_drawn_from_their_range_for_each_item():
    plain = [objective().draw(step, MicroBatch()).magnitude.amax((1, 2)) for step in range(20)]
    found = [objective(gains=(-12.0, 3.0)).draw(step, MicroBatch()).magnitude.amax((1, 2)) for step in range(20)]
    decibels = 20 * (torch.cat(found) / torch.cat(plain)).log10()
    assert -12.5 < decibels.min() < -10 and 1.5 < decibels.max() < 3.5
    assert (found[0] / plain[0]).std() > 0.05


def test_terms_are_sums_over_the_items():
    torch.manual_seed(0)
    network, batch = MagnitudeNetwork(width=8, hidden=8, depth=1), objective().draw(0, MicroBatch())
    alone = magnitude_losses(network(batch.log_mel), batch.magnitude)
    terms = objective().losses(network, batch)
    assert all(term.count == 8 for term in terms.values())
    torch.testing.assert_close(terms["loss"].total, alone.logarithm.sum() + alone.convergence.sum())
    torch.testing.assert_close(terms["convergence"].total, alone.convergence.sum())


def test_it_learns_magnitudes():
    config = LoopConfig(
        steps=60,
        batch_size=8,
        optimizer=OptimizerConfig(learning_rate=3e-3, warmup=5),
        reports=ReportsConfig(log_every=1),
        ema_decay=0.9,
    )
    torch.manual_seed(0)
    state = fresh_state(MagnitudeNetwork(width=32, hidden=32, depth=1), config)
    losses = [report.losses["loss"] for report in train(state, objective(), config) if report.losses]
    assert len(losses) == 60 and losses[-1] < 0.5 * losses[0]


def test_the_sounds_are_those_of_the_clips_at_their_levels():
    data = WorldConfig(families=("impacts", "hits"), clips=1, frames=11)
    config = MagnitudesRecipe(data=data)
    found = training_sounds(config, CODEC)
    assert data.levels is not None
    for family, sound in zip(data.families, found.numpy(), strict=True):
        expected = world_clip(family, 0, frames=11).waveform
        assert np.allclose(sound, expected * gain_into(CODEC, expected, data.levels))


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("crop", 16, "crop is 16, expected 1 to 15"),
        ("gains", (3.0, -3.0), r"gains are \[3.0, -3.0\]"),
        ("width", 0, "width is 0, expected 1 to 4096"),
        ("data", WorldConfig(clips=100_000, families=("hits",)), "480000 s of sound, expected at most"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(name, value, told):
    with pytest.raises(ValueError, match=told):
        replace(MagnitudesRecipe(), **{name: value})


def test_a_run_trains_to_a_folder_that_loads(tmp_path):
    small = ["data.families=[impacts]", "data.clips=2", "width=8", "hidden=8", "depth=1", "loop.steps=2"]
    words = [word for setting in (*small, "loop.batch_size=2", "loop.log_every=1") for word in ("--set", setting)]
    assert main(["train", "world.magnitudes", *words, "--out", str(tmp_path / "run")]) == 0
    decoder = load_waveform_decoder(str(tmp_path / "run" / "model"))
    assert isinstance(decoder, MagnitudeNetwork) and decoder.config["width"] == 8
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert {"loss", "logarithm", "convergence"} <= set(lines[1])


def test_a_recipe_puts_a_decoder_into_its_model_and_training_from_it_retains_it(tmp_path, capsys):
    MagnitudeNetwork(width=8, hidden=8, depth=1).save_pretrained(tmp_path / "decoder")
    MagnitudeNetwork(width=8, hidden=8, depth=1, hop=100).save_pretrained(tmp_path / "other")
    train_tiny("world.tiny", f"waveform_decoder={tmp_path / 'decoder'}", out=tmp_path / "first")
    train_tiny("world.tiny", f"start={tmp_path / 'first' / 'model'}", out=tmp_path / "second")
    for run in ("first", "second"):
        decoder = CMMDPipeline.from_pretrained(tmp_path / run / "model").waveform_decoder
        assert isinstance(decoder, MagnitudeNetwork) and decoder.config["width"] == 8
    capsys.readouterr()
    assert main(command("world.tiny", f"waveform_decoder={tmp_path / 'other'}", out=tmp_path / "third")) == 2
    told = capsys.readouterr().err
    assert "the waveform decoder has hop 100, expected 200" in told and told.count("\n") == 1
    assert not (tmp_path / "third").exists()
