"""Recipes: one function a row of a results table; each returns a complete configuration (ours)."""

from importlib import import_module
from pathlib import Path
from typing import Any

_RECIPES = {
    "world.ablation": "cmmd.recipes.coupled:world_ablation",
    "world.autoencoder": "cmmd.recipes.autoencoder:world_autoencoder",
    "world.cmmd": "cmmd.recipes.coupled:world_cmmd",
    "world.fine_tune": "cmmd.recipes.coupled:world_fine_tune",
    "world.ncmmd": "cmmd.recipes.coupled:world_ncmmd",
    "world.tiny": "cmmd.recipes.coupled:world_tiny",
    "world.visual_events": "cmmd.recipes.visual_events:world_visual_events",
}
"""Name -> function. Each module also has `run(config, out, resume)`."""


def recipe_names() -> tuple[str, ...]:
    """All recipes, without importing any."""
    return tuple(_RECIPES)


def load_recipe(name: str) -> Any:
    """The configuration of a recipe; raises KeyError for an unknown name."""
    module, function = _RECIPES[name].split(":")
    return getattr(import_module(module), function)()


def run_recipe(name: str, config: Any, *, out: Path, resume: bool) -> None:
    """Train by the recipe's configuration into folder `out`."""
    module, _ = _RECIPES[name].split(":")
    try:
        import_module(module).run(config, out=out, resume=resume)
    finally:
        import_module("cmmd.training.team").Team.join().leave()
