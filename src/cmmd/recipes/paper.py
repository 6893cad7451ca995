"""Recipes for the two data sets of the paper, for GPUs (paper: data and both methods; ours: every number).

Frames have 128 px and are encoded with a Stable Diffusion autoencoder. See docs/aist.md and docs/epic_sounds.md.
"""

from dataclasses import replace

from cmmd.clips.geometry import Geometry
from cmmd.data.prepared_clips import PreparedConfig
from cmmd.diffusion.conditioning import ConditioningConfig
from cmmd.diffusion.sampling_config import UsualGuidance
from cmmd.losses.contrastive import WEIGHT, ContrastiveConfig
from cmmd.models.network_config import NetworkConfig
from cmmd.recipes.coupled import AFTER_CONTRAST, ClipsConfig, CoupledRecipe, InitialModel
from cmmd.training.loop_config import ExecutionConfig, LoopConfig, OptimizerConfig, ReportsConfig

STABLE_DIFFUSION_AUTOENCODER = "hub:stabilityai/sd-vae-ft-mse"


def aist_cmmd() -> CoupledRecipe:
    """Dance videos and music."""
    return _base("prepared/aist", steps=100_000)


def aist_ncmmd() -> CoupledRecipe:
    """aist.cmmd without the contrastive term, and with the higher guidance that this needs. All else is equal."""
    return _without_contrast(aist_cmmd())


def epic_sounds_cmmd() -> CoupledRecipe:
    """Kitchen videos and sounds. The sounds are sparse, sudden and more varied than music, so training has twice the
    steps."""
    return _base("prepared/epic_sounds", steps=200_000)


def epic_sounds_ncmmd() -> CoupledRecipe:
    """epic_sounds.cmmd without the contrastive term, with the higher guidance that this needs. All else is equal."""
    return _without_contrast(epic_sounds_cmmd())


def _base(folder: str, *, steps: int) -> CoupledRecipe:
    """The base size: 131 M parameters, bf16, batches of 128 items in 8 micro-batches, for 1, 2, 4 or 8 GPUs."""
    return CoupledRecipe(
        initial=InitialModel(autoencoder=STABLE_DIFFUSION_AUTOENCODER),
        geometry=Geometry(image_size=128),
        clips=ClipsConfig(prepared=PreparedConfig(folders=(folder,))),
        network=NetworkConfig(
            video_widths=(128, 256, 384),
            audio_widths=(96, 192, 288),
            blocks_per_level=2,
            heads=8,
            message_width=256,
        ),
        conditioning=ConditioningConfig(audio_noise=4.0, video_noise=2.0),
        contrastive=ContrastiveConfig(weight=WEIGHT),
        guidance=AFTER_CONTRAST,
        loop=LoopConfig(
            steps=steps,
            batch_size=128,
            execution=ExecutionConfig(micro_batches=8, precision="bf16"),
            optimizer=OptimizerConfig(learning_rate=2e-4, weight_decay=0.01, warmup=1000),
            ema_decay=0.9999,
            reports=ReportsConfig(save_every=5000, log_every=100, evaluate_every=5000),
        ),
    )


def _without_contrast(recipe: CoupledRecipe) -> CoupledRecipe:
    return replace(recipe, contrastive=replace(recipe.contrastive, weight=0.0), guidance=UsualGuidance())
