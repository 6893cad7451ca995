"""What a recipe minimises: its settings reach the batches and the losses."""

from dataclasses import replace
from typing import Any

import torch

from cmmd.data.encoded_clips import EncodedClips
from cmmd.files.configuration import resolve
from cmmd.recipes import load_recipe
from cmmd.recipes.coupled import CoupledRecipe, build_network
from cmmd.recipes.coupled_objective import clips_with_trained_video, cmmd_objective, held_out_gaps
from cmmd.training.batch import draw_batch
from cmmd.training.cmmd_losses import cmmd_losses
from cmmd.training.objective import MicroBatch

SETTINGS = ["network.video_widths=[8,16]", "network.audio_widths=[16,16]", "network.attention_levels=[1]"]


def recipe(*settings: str) -> CoupledRecipe:
    found: Any = resolve(load_recipe("world.tiny"), overrides=[*SETTINGS, "contrastive.begin=0", *settings])
    return found


def clips() -> EncodedClips:
    generator = torch.Generator().manual_seed(0)
    video = 3 + 2 * torch.randn(6, 4, 20, 8, 8, generator=generator)
    return EncodedClips.of(video, -4 + 0.5 * torch.randn(6, 1, 64, 160, generator=generator))


def test_a_recipes_seed_and_batch_size_reach_its_batches():
    config = recipe("loop.seed=3", "loop.batch_size=4")
    drawn = cmmd_objective(config, clips()).draw(5, MicroBatch(1, 2))
    own, other = (
        draw_batch(clips(), config.batch_config(), seed=seed, step=5, micro_batch=MicroBatch(1, 2)) for seed in (3, 0)
    )
    assert len(drawn.clips) == 2
    assert torch.equal(drawn.noise.audio, own.noise.audio) and torch.equal(drawn.modes.t_video, own.modes.t_video)
    assert not torch.equal(drawn.noise.audio, other.noise.audio)


def test_a_recipes_prediction_type_reaches_its_losses():
    config = replace(recipe("loop.batch_size=4"), prediction_type="epsilon")
    torch.manual_seed(0)
    network = build_network(config, latent_channels=4, spectrogram_channels=1, bins=64)
    objective = cmmd_objective(config, clips())
    batch = objective.draw(0, MicroBatch())
    with torch.no_grad():
        found = objective.losses(network, batch)["loss"].total
        expected, other = (
            cmmd_losses(network, batch, contrastive=config.contrastive, prediction_type=kind)["loss"].total
            for kind in ("epsilon", "v_prediction")
        )
    assert torch.equal(found, expected) and not torch.isclose(found, other)


def test_families_for_sound_only_are_drawn_for_video_to_audio_only():
    config = recipe("data.families=[hits,dance,hits]", "data.clips=3", "sound_only=[hits]", "held_out=0.6")
    trained, held_out = clips_with_trained_video(config, range(4)), clips_with_trained_video(config, range(4, 9))
    assert trained is not None and held_out is not None
    assert (trained.tolist(), held_out.tolist()) == ([1], [0, 3])
    assert clips_with_trained_video(recipe(), range(6)) is None
    trainer = cmmd_objective(config, clips())
    measured = held_out_gaps(config, EncodedClips.of(clips().video[1:], clips().audio[1:])).objective
    for objective, allowed in ((trainer, {1, 4}), (measured, {0, 3})):
        batches = [objective.draw(step, MicroBatch()) for step in range(8)]
        generated = {int(clip) for batch in batches for clip in batch.clips[batch.modes.direction > 0]}
        assert generated == allowed < {int(clip) for batch in batches for clip in batch.clips}
