"""Recipes: one function a row of a results table; each returns a complete configuration (ours)."""

from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import Any

_COUPLED = "cmmd.recipes.coupled_training"
_RECIPES = {
    "aist.cmmd": ("cmmd.recipes.paper:aist_cmmd", _COUPLED),
    "aist.ncmmd": ("cmmd.recipes.paper:aist_ncmmd", _COUPLED),
    "epic_sounds.cmmd": ("cmmd.recipes.paper:epic_sounds_cmmd", _COUPLED),
    "epic_sounds.ncmmd": ("cmmd.recipes.paper:epic_sounds_ncmmd", _COUPLED),
    "folder.cmmd": ("cmmd.recipes.folder:folder_cmmd", _COUPLED),
    "folder.ncmmd": ("cmmd.recipes.folder:folder_ncmmd", _COUPLED),
    "world.ablation": ("cmmd.recipes.world:world_ablation", _COUPLED),
    "world.autoencoder": ("cmmd.recipes.autoencoder:world_autoencoder", "cmmd.recipes.autoencoder"),
    "world.cmmd": ("cmmd.recipes.world:world_cmmd", _COUPLED),
    "world.fine_tune": ("cmmd.recipes.world:world_fine_tune", _COUPLED),
    "world.mm_diffusion": ("cmmd.recipes.world:world_mm_diffusion", _COUPLED),
    "world.ncmmd": ("cmmd.recipes.world:world_ncmmd", _COUPLED),
    "world.tiny": ("cmmd.recipes.world:world_tiny", _COUPLED),
    "world.visual_events": ("cmmd.recipes.visual_events:world_visual_events", "cmmd.recipes.visual_events"),
}
"""Name -> the function that makes its configuration, and the module whose `run` trains by it."""


def recipe_names() -> tuple[str, ...]:
    """All recipes, without importing any."""
    return tuple(_RECIPES)


def load_recipe(name: str) -> Any:
    """The configuration of a recipe; raises KeyError for an unknown name."""
    module, function = _RECIPES[name][0].split(":")
    return getattr(import_module(module), function)()


def run_recipe(name: str, config: Any, *, out: Path, resume: bool, device: str = "auto") -> None:
    """Train by the recipe's configuration into folder `out`, on a device or on the one that is there.

    Raises InputError, before anything else is done, while another process trains into the folder.
    """
    from cmmd.folder_lock import locked_folder
    from cmmd.training.distributed import Ranks

    ranks = Ranks.join(device)
    try:
        with ExitStack() as stack:
            ranks.by_main(lambda: stack.enter_context(locked_folder(out)))
            import_module(_RECIPES[name][1]).run(config, out=out, resume=resume, recipe=name, ranks=ranks)
    finally:
        ranks.leave()
