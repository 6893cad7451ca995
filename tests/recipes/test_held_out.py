"""Held-out clips: few of them are enough, the loss is the gap with its sign changed, and one clip has no other."""

import json
from dataclasses import replace
from typing import Any

import pytest
import torch
from tiny_runs import command, train

from cmmd.cli import main
from cmmd.data.encoded_clips import EncodedClips
from cmmd.diffusion.mismatch import MISMATCHES
from cmmd.errors import InputError
from cmmd.files.configuration import resolve
from cmmd.files.inline_groups import replaced
from cmmd.recipes import load_recipe
from cmmd.recipes.coupled import CoupledRecipe, build_network
from cmmd.recipes.coupled_objective import held_out_gaps
from cmmd.training.held_out import held_out_terms
from cmmd.training.loop import fresh_state
from cmmd.training.objective import MicroBatch

ALL_KINDS = f"contrastive.mismatches=[{','.join(MISMATCHES)}]"


def recipe(*settings: str) -> CoupledRecipe:
    tiny = ("network.video_widths=[8,16]", "network.audio_widths=[16,16]", "network.attention_levels=[1]")
    return resolve(load_recipe("world.tiny"), overrides=[*tiny, *settings])


def clips(count: int) -> EncodedClips:
    generator = torch.Generator().manual_seed(count)
    video = 3 + 2 * torch.randn(count, 4, 20, 8, 8, generator=generator)
    return EncodedClips.of(video, -4 + 0.5 * torch.randn(count, 1, 64, 160, generator=generator))


@pytest.mark.parametrize(("share", "held_out"), [(0.25, 1), (0.5, 2)])
def test_one_or_two_held_out_clips_are_enough(tmp_path, share, held_out):
    both = "contrastive.mismatches=[other_clip,time_shift]"
    lines = train("world.fine_tune", f"held_out={share}", both, out=tmp_path / "run")
    kinds = ("time_shift",) if held_out == 1 else ("other_clip", "time_shift")
    for line in lines:
        gaps = [line[f"held_out_gap_{kind}"] for kind in kinds]
        assert line["held_out_loss"] == pytest.approx(-sum(gaps) / len(gaps), abs=2e-6)
        assert ("held_out_gap_other_clip" in line) is (held_out == 2)
    best = min(lines, key=lambda line: line["held_out_loss"])["step"]
    saved = json.loads((tmp_path / f"run/step-{lines[-1]['step']:08d}/state.json").read_text())
    assert saved["best_step"] == best


def test_one_clip_that_has_no_wrong_condition_is_one_line(tmp_path, capsys):
    settings = ("held_out=0.25", "contrastive.mismatches=[other_clip]")
    assert main(command("world.fine_tune", *settings, out=tmp_path / "run")) == 2
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("cmmd: ")]
    what = "1 clip is held out, expected 2 or more to tell the condition from that of another clip"
    assert told == [f"cmmd: --set contrastive.mismatches=[other_clip]: {what}"]
    assert list(tmp_path.iterdir()) == [], "not even clips were made"


def test_batches_of_one_have_no_other_clip_either():
    config = recipe("contrastive.mismatches=[other_clip]", "loop.batch_size=1")
    with pytest.raises(InputError, match="expected 2 or more to tell the condition from that of another clip"):
        held_out_gaps(config, clips(4))


@pytest.mark.parametrize(("count", "size"), [(1, 1), (2, 2), (5, 4), (40, 8)])
def test_batches_are_of_pairs_and_all_that_hear_are_contrasted(count, size):
    found = held_out_gaps(recipe(ALL_KINDS, "contrastive.begin=100", "contrastive.fraction=0.2"), clips(count))
    assert found.batch_size == size
    for step in range(4):
        batch = found.objective.draw(step, MicroBatch())
        assert len(batch.clips) == size and batch.modes.contrasted.all() and batch.modes.audio_hears.all()
        kinds, contrasted = 4 if count == 1 else 5, 0
        for side in (batch.contrast.audio, batch.contrast.video):
            assert side.targets is None and side.conditions.speaker.shape[0] == kinds
            contrasted += int(side.conditions.counts.sum())
        assert contrasted == size


def test_the_loss_is_the_mean_gap_with_its_sign_changed():
    found = held_out_gaps(recipe(ALL_KINDS), clips(4))
    gaps = dict(zip((f"gap_{kind}" for kind in MISMATCHES), (0.2, 0.4, -0.1, 0.5, 0.25), strict=True))
    assert found.loss(gaps | {"loss": 9.0, "gap_speed_noise1": 7.0}) == pytest.approx(-0.25)
    assert found.loss({"gap_time_shift": 0.4, "loss": 9.0}) == pytest.approx(-0.4)


def test_gaps_are_of_the_moving_average_however_evaluation_is_cut():
    """The same batches in micro-batches of two items and in one piece."""
    config = recipe(ALL_KINDS, "loop.batch_size=8")
    torch.manual_seed(0)
    network = build_network(config, latent_channels=4, spectrogram_channels=1, bins=64)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.05 * torch.randn_like(parameter)
    state = fresh_state(network, config.loop)
    with torch.no_grad():
        for parameter in state.model.parameters():
            parameter.fill_(torch.nan)
    found: list[dict[str, Any]] = []
    for micro_batches in (1, 4):
        loop = replaced(config.loop, micro_batches=micro_batches)
        found.append(held_out_terms(state, held_out_gaps(replace(config, loop=loop), clips(8)), loop))
    assert found[0].keys() == found[1].keys() and len(found[0]) > 20
    assert found[0] == pytest.approx(found[1], rel=1e-4, abs=1e-6)
