"""`cmmd train` (ours)."""

from pathlib import Path

import click

from cmmd.commands.options import ANY_PATH, threads_option
from cmmd.errors import InputError


@click.command(short_help="Train by a recipe: a named set of settings.")
@click.argument("recipe", required=False)
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Replace a setting; may be repeated.")
@click.option("--config", "file", type=ANY_PATH, metavar="FILE", help="YAML file of settings; --set takes precedence.")
@click.option(
    "--resume", is_flag=True, help="Continue from the last checkpoint in --out, with the settings of that run."
)
@click.option("--out", type=ANY_PATH, metavar="DIR", help="Output folder.  [default: runs/RECIPE]")
@click.option("--device", default="auto", metavar="DEVICE", help="cpu, cuda, cuda:1, or auto: a GPU if there is one.")
@threads_option
@click.option("--list", "list_names", is_flag=True, help="Print the recipes and exit.")
@click.option("--show", is_flag=True, help="Print the settings as YAML and exit.")
def train(
    recipe: str | None,
    overrides: tuple[str, ...],
    file: Path | None,
    resume: bool,
    out: Path | None,
    device: str,
    list_names: bool,
    show: bool,
) -> None:
    """Train by a recipe: a named set of settings, each of which a file or --set can replace.

    Example: cmmd train RECIPE --set loop.seed=1 --out runs/try
    """
    from cmmd.recipes import load_recipe, recipe_names, run_recipe

    names = tuple(recipe_names())
    if list_names:
        click.echo("\n".join(names))
        return
    from cmmd.files.configuration import did_you_mean, resolve, to_yaml

    recorded = None
    if resume:
        recipe, recorded = _resumed(recipe, out)
    elif file:
        recipe = _of_file(recipe, file)
    if recipe is None:
        raise click.UsageError(f"expected a RECIPE, one of: {', '.join(names)}")
    if recipe not in names:
        raise InputError(f"no recipe {recipe!r}{did_you_mean(recipe, names)} (cmmd train --list prints all)")
    config = load_recipe(recipe)
    if recorded:
        config = resolve(config, file=recorded)
    config = resolve(config, file=file, overrides=overrides)
    if show:
        click.echo(to_yaml(config), nl=False)
        return
    run_recipe(recipe, config, out=out or Path("runs", recipe), resume=resume, device=device)


def _resumed(recipe: str | None, out: Path | None) -> tuple[str | None, Path]:
    """Returns the recipe and the settings file of the run to resume. Raises UsageError if neither names a run, and
    InputError if its folder has none, or one of another recipe."""
    from cmmd.training.run_folder import SETTINGS, recorded_settings

    if not (out or recipe):
        raise click.UsageError("expected --out DIR, the folder of the run to resume")
    out = out or Path("runs", str(recipe))
    recorded, settings = recorded_settings(out)[0], out / SETTINGS
    if recipe and recorded and recipe != recorded:
        raise InputError(f"{settings}: found a run of {recorded}, expected one of {recipe}")
    return recipe or recorded, settings


def _of_file(recipe: str | None, file: Path) -> str | None:
    """Returns the recipe, given or named by a file of settings. Raises InputError if they differ."""
    from cmmd.files.configuration import read_settings

    named, _ = read_settings(file)
    if recipe and named and recipe != named:
        raise InputError(f"{file}: holds settings of {named}, expected {recipe}")
    return recipe or named
