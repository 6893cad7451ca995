"""Training of the vocoder: batches however they are cut, errors of the log-mel, weights of the losses, a run."""

import json
import math
from dataclasses import replace

import pytest
import torch

from cmmd.cli import main
from cmmd.latents.spectrogram import LOG_FLOOR, LogMelCodec
from cmmd.latents.spectrum_vocoder import SpectrumVocoder
from cmmd.latents.waveform_decoder import load_waveform_decoder
from cmmd.recipes.vocoder import AdversarialVocoder, VocoderRecipe, blurred, vocoder_objective
from cmmd.training.loop_config import LoopConfig
from cmmd.training.objective import MicroBatch, Objective

LOOP = LoopConfig(steps=1, batch_size=4, seed=1)
RECIPE = replace(VocoderRecipe(), crop=2, gains=(0.0, 0.0), blur=0.0, loop=LOOP)
CODEC = LogMelCodec(RECIPE.geometry)


def objective(**settings: object) -> Objective:
    """Of sine tones whose amplitude tells which clip they are."""
    time = torch.arange(8_000) / 16_000
    sounds = 0.01 * (1 + torch.arange(10))[:, None] * torch.sin(2 * torch.pi * 1000 * time)
    return vocoder_objective(sounds, CODEC, replace(RECIPE, **settings), noise=3)


def test_a_batch_is_the_same_however_it_is_cut():
    whole = objective(gains=(-12.0, 3.0), blur=0.3).draw(2, MicroBatch())
    cut = [objective(gains=(-12.0, 3.0), blur=0.3).draw(2, MicroBatch(index, 2)) for index in range(2)]
    for name in ("log_mel", "noise", "waveform"):
        assert torch.equal(torch.cat([getattr(part, name) for part in cut]), getattr(whole, name))
    assert (whole.log_mel.shape, whole.noise.shape, whole.waveform.shape) == ((4, 64, 16), (4, 16, 3), (4, 3200))
    assert not torch.equal(whole.noise, objective().draw(3, MicroBatch()).noise)


def test_the_mel_is_that_of_the_waveform_and_gains_and_signs_are_drawn():
    batches = [objective(gains=(-12.0, 3.0)).draw(step, MicroBatch()) for step in range(20)]
    for batch in batches[:3]:
        torch.testing.assert_close(CODEC.encode(batch.waveform)[:, 0], batch.log_mel)
    plain = [objective().draw(step, MicroBatch()) for step in range(20)]
    ratios = torch.cat(
        [a.waveform.abs().amax(1) / b.waveform.abs().amax(1) for a, b in zip(batches, plain, strict=True)]
    )
    decibels = 20 * ratios.log10()
    assert -12.1 < decibels.min() < -10 and 1.5 < decibels.max() < 3.1
    assert 0.2 < torch.cat([(batch.waveform[:, 1] > 0).float() for batch in plain]).mean() < 0.8


def test_errors_have_the_size_asked_for_and_leave_the_floor():
    floor = math.log(LOG_FLOOR)
    log_mel = torch.full((500, 64, 16), -1.0)
    log_mel[:, :8] = floor
    found = blurred(log_mel, most=0.3, generator=torch.Generator().manual_seed(0))
    assert torch.equal(found[:, :8], log_mel[:, :8])
    deviations = (found - log_mel)[:, 8:].flatten(1).std(1)
    assert deviations.min() < 0.02 and 0.15 < deviations.max() < 0.4
    assert torch.equal(blurred(log_mel, most=0, generator=torch.Generator()), log_mel)


def test_the_losses_have_the_weights_of_the_recipe():
    torch.manual_seed(0)
    model = AdversarialVocoder(SpectrumVocoder(width=8, hidden=8, depth=1, noise_channels=3))
    batch = objective().draw(0, MicroBatch())
    terms = objective(adversarial=0.5, features=2.0).losses(model, batch)
    assert all(term.count == 4 for term in terms.values())
    total = {name: term.total for name, term in terms.items()}
    spectra = total["logarithm"] + total["convergence"] + total["mel"]
    torch.testing.assert_close(
        total["loss"], spectra + total["discriminator"] + 0.5 * total["generator"] + 2 * total["features"]
    )
    terms["loss"].total.backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


@pytest.mark.parametrize(("name", "value"), [("blur", -0.1), ("adversarial", float("nan")), ("features", 101)])
def test_weights_that_cannot_be_meant_are_refused(name, value):
    with pytest.raises(ValueError, match=f"{name} is {value}, expected 0 to 100"):
        replace(VocoderRecipe(), **{name: value})
    with pytest.raises(ValueError, match="crop is 16, expected 1 to 15"):
        replace(VocoderRecipe(), crop=16)


def test_a_run_trains_to_a_folder_that_loads(tmp_path):
    small = ["data.families=[impacts]", "data.clips=2", "width=8", "hidden=8", "depth=1", "crop=2", "loop.steps=2"]
    words = [word for setting in (*small, "loop.batch_size=2", "loop.log_every=1") for word in ("--set", setting)]
    assert main(["train", "world.vocoder", *words, "--out", str(tmp_path / "run")]) == 0
    decoder = load_waveform_decoder(str(tmp_path / "run" / "model"))
    assert isinstance(decoder, SpectrumVocoder) and decoder.config["width"] == 8
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert {"loss", "logarithm", "convergence", "mel", "discriminator", "generator", "features"} <= set(lines[1])
