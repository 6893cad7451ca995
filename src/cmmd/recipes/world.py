"""Recipes on the procedural world: the shipped model, its ablations, and a tiny one for tests (ours)."""

from dataclasses import replace

from cmmd.data.world.rendering import WorldConfig
from cmmd.diffusion.conditioning import ConditioningConfig
from cmmd.diffusion.sampling_config import UsualGuidance, UsualTemperature
from cmmd.files.inline_groups import replaced
from cmmd.losses.contrastive import WEIGHT, ContrastiveConfig
from cmmd.models.network_config import NetworkConfig
from cmmd.recipes.coupled import AFTER_CONTRAST, ClipsConfig, CoupledRecipe, InitialModel
from cmmd.training.loop_config import LoopConfig, OptimizerConfig, ReportsConfig


def world_cmmd() -> CoupledRecipe:
    """A model of the shipped kind, for both plain families and all three directions. The harder tasks, impacts and
    video to audio, have the largest shares."""
    return CoupledRecipe(
        initial=InitialModel(waveform_decoder="shipped"),
        clips=ClipsConfig(data=WorldConfig(families=("impacts", "impacts", "dance"), clips=1400)),
        conditioning=ConditioningConfig(
            video_to_audio=0.7, audio_to_video=0.15, joint=0.15, audio_noise=8.0, video_noise=2.0
        ),
        contrastive=ContrastiveConfig(weight=WEIGHT),
        guidance=AFTER_CONTRAST,
        loop=LoopConfig(
            steps=8500,
            batch_size=16,
            optimizer=OptimizerConfig(learning_rate=1.5e-3),
            reports=ReportsConfig(save_every=250),
        ),
    )


def world_ncmmd() -> CoupledRecipe:
    """world.cmmd without the contrastive term, and with the higher guidance that this needs. All else is equal."""
    recipe = world_cmmd()
    return replace(recipe, contrastive=replace(recipe.contrastive, weight=0.0), guidance=UsualGuidance())


def world_event_messages() -> CoupledRecipe:
    """Trains the weights with which the shipped model hears the events of a given video, and no others (decision 14).

    With a `start` that has no such weights, `autoencoder` is that of `start` joined to an event encoder (world.events).
    """
    recipe = world_cmmd()
    return replaced(
        recipe,
        start="shipped",
        trained="events",
        waveform_decoder=None,
        data=WorldConfig(families=("hits", "hits", "hits", "impacts", "dance"), clips=500, seed=40_000),
        conditioning=replace(recipe.conditioning, video_to_audio=1.0, audio_to_video=0.0, joint=0.0),
        guidance=UsualGuidance(),
        loop=replaced(recipe.loop, steps=2000, learning_rate=2e-3, warmup=50, ema_decay=0.99),
    )


def world_hits() -> CoupledRecipe:
    """Teaches a model the sounds of hits, without their pictures. Half of the starting weights stay in the result, so
    that joint generation of the plain families is not forgotten (decision 14)."""
    recipe = world_event_messages()
    return replaced(
        recipe,
        start_share=0.5,
        trained="all",
        sound_only=("hits",),
        conditioning=replace(recipe.conditioning, video_to_audio=0.5, audio_to_video=0.15, joint=0.35, keep_clean=0.3),
        guidance=UsualGuidance(video_to_audio=2.25, sound_above=0.7),
        loop=replaced(recipe.loop, steps=5000, learning_rate=5e-4, ema_decay=0.995),
    )


def world_wider_latents() -> CoupledRecipe:
    """Teaches a model the further latent channels of a wider autoencoder (world.wider_autoencoder) in all directions.
    Half of the starting weights stay in the result, as in world.hits.

    `start` is a model of the narrower autoencoder, `autoencoder` the wider one.
    """
    recipe = world_hits()
    return replaced(
        recipe,
        data=replace(recipe.clips.data, families=("hits", "impacts", "dance")),
        conditioning=replace(recipe.conditioning, video_to_audio=0.2, audio_to_video=0.4, joint=0.4, keep_clean=0.2),
        guidance=UsualGuidance(joint=4.5),
        temperature=UsualTemperature(video_to_audio=0.25, audio_to_video=0.7, joint=0.8),
        loop=replaced(recipe.loop, steps=8700, ema_decay=0.997),
    )


def world_fine_tune() -> CoupledRecipe:
    """Fine-tunes the shipped model on 40 clips of a movement that it has not seen. Takes minutes on two cores."""
    return CoupledRecipe(
        initial=InitialModel(start="shipped"),
        clips=ClipsConfig(data=WorldConfig(families=("impacts",), clips=40, split="unseen"), held_out=0.2, copies=32),
        conditioning=ConditioningConfig(
            video_to_audio=0.5, audio_to_video=0.3, joint=0.2, audio_noise=8.0, video_noise=2.0
        ),
        contrastive=ContrastiveConfig(weight=WEIGHT),
        guidance=AFTER_CONTRAST,
        loop=LoopConfig(
            steps=700,
            batch_size=16,
            optimizer=OptimizerConfig(learning_rate=3e-4, warmup=50),
            ema_decay=0.99,
            reports=ReportsConfig(save_every=100, evaluate_every=50, patience=5),
        ),
    )


def world_ablation() -> CoupledRecipe:
    """A small network for comparisons over many runs. The learning rate is constant after warm-up, so that runs can be
    compared at any step."""
    return CoupledRecipe(
        clips=ClipsConfig(data=WorldConfig(clips=500)),
        network=NetworkConfig(video_widths=(16, 32, 48), audio_widths=(32, 48, 64), message_width=32),
        conditioning=ConditioningConfig(audio_noise=8.0, video_noise=2.0),
        loop=LoopConfig(
            steps=300,
            batch_size=16,
            optimizer=OptimizerConfig(learning_rate=2e-3, schedule="constant", warmup=30),
            ema_decay=0.98,
        ),
    )


def world_mm_diffusion() -> CoupledRecipe:
    """The baseline's training at the size of world.ablation: one time for both modalities, joint generation only, and
    conditions by replacement (docs/decisions/10). Its noise factor, 4, is the geometric mean of the ablation's 8 and 2.
    """
    recipe = world_ablation()
    return replace(
        recipe,
        network=replace(recipe.network, fusion="random_shift", shared_time=True),
        conditioning=ConditioningConfig(
            video_to_audio=0.0,
            audio_to_video=0.0,
            joint=1.0,
            dropout=0.0,
            keep_clean=0.0,
            audio_noise=4.0,
            video_noise=4.0,
        ),
    )


def world_tiny() -> CoupledRecipe:
    """A model for tests and first trials. It runs the same code and trains in a minute, but its samples are poor."""
    network = NetworkConfig(video_widths=(16, 32, 48), audio_widths=(32, 48, 64), message_width=32)
    loop = LoopConfig(
        steps=60,
        batch_size=8,
        optimizer=OptimizerConfig(warmup=10),
        ema_decay=0.9,
        reports=ReportsConfig(save_every=20, log_every=5),
    )
    return CoupledRecipe(clips=ClipsConfig(data=WorldConfig(clips=24, frames=24)), network=network, loop=loop)
