"""Recipes for clips prepared with `cmmd prepare`; `--set prepared.folders=[FOLDER]` names their folder (ours)."""

from dataclasses import replace

from cmmd.data.prepared_clips import PreparedConfig
from cmmd.diffusion.conditioning import ConditioningConfig
from cmmd.diffusion.sampling_config import UsualGuidance
from cmmd.losses.contrastive import WEIGHT, ContrastiveConfig
from cmmd.recipes.coupled import AFTER_CONTRAST, ClipsConfig, CoupledRecipe
from cmmd.training.loop_config import LoopConfig, ReportsConfig


def folder_cmmd() -> CoupledRecipe:
    """A network of the shipped size at 64 px, for two cores. `--set start=shipped` starts from the weights of the
    shipped model; the clips must then be prepared with its autoencoder."""
    return CoupledRecipe(
        clips=ClipsConfig(prepared=PreparedConfig(folders=("prepared/clips",))),
        conditioning=ConditioningConfig(audio_noise=8.0, video_noise=2.0),
        contrastive=ContrastiveConfig(weight=WEIGHT),
        guidance=AFTER_CONTRAST,
        loop=LoopConfig(
            steps=3000, batch_size=16, ema_decay=0.99, reports=ReportsConfig(save_every=250, evaluate_every=250)
        ),
    )


def folder_ncmmd() -> CoupledRecipe:
    """folder.cmmd without the contrastive term, and with the higher guidance that this needs. All else is equal."""
    recipe = folder_cmmd()
    return replace(recipe, contrastive=replace(recipe.contrastive, weight=0.0), guidance=UsualGuidance())
