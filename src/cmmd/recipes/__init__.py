"""Recipes: functions that each return the complete configuration of one row of a results table (ours)."""

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
    "world.event_messages": ("cmmd.recipes.world:world_event_messages", _COUPLED),
    "world.events": ("cmmd.recipes.events:world_events", "cmmd.recipes.events"),
    "world.fine_tune": ("cmmd.recipes.world:world_fine_tune", _COUPLED),
    "world.hits": ("cmmd.recipes.world:world_hits", _COUPLED),
    "world.magnitudes": ("cmmd.recipes.magnitudes:world_magnitudes", "cmmd.recipes.magnitudes"),
    "world.mm_diffusion": ("cmmd.recipes.world:world_mm_diffusion", _COUPLED),
    "world.ncmmd": ("cmmd.recipes.world:world_ncmmd", _COUPLED),
    "world.tiny": ("cmmd.recipes.world:world_tiny", _COUPLED),
    "world.visual_events": ("cmmd.recipes.visual_events:world_visual_events", "cmmd.recipes.visual_events"),
    "world.vocoder": ("cmmd.recipes.vocoder:world_vocoder", "cmmd.recipes.vocoder"),
    "world.wider_autoencoder": ("cmmd.recipes.autoencoder:world_wider_autoencoder", "cmmd.recipes.autoencoder"),
    "world.wider_latents": ("cmmd.recipes.world:world_wider_latents", _COUPLED),
}
"""Recipe name -> (function that returns the configuration, module whose `run` trains with it)."""


def recipe_names() -> tuple[str, ...]:
    """The names of all recipes, without importing any recipe."""
    return tuple(_RECIPES)


def load_recipe(name: str) -> Any:
    """The configuration of a recipe. Raises KeyError if the name is unknown."""
    module, function = _RECIPES[name][0].split(":")
    return getattr(import_module(module), function)()


def run_recipe(name: str, config: Any, *, out: Path, resume: bool, device: str = "auto") -> None:
    """Train recipe `name` with `config` into folder `out`. device: as for `Ranks.join`.

    Raises InputError, before training starts, if the device is not available or another process trains into the folder.
    """
    from cmmd.files.folder_lock import locked_folder
    from cmmd.training.distributed import Ranks

    ranks = Ranks.join(device)
    try:
        with ExitStack() as stack:
            ranks.by_main(lambda: stack.enter_context(locked_folder(out)))
            import_module(_RECIPES[name][1]).run(config, out=out, resume=resume, recipe=name, ranks=ranks)
    finally:
        ranks.leave()
