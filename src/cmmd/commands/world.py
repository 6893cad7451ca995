"""`cmmd world` (ours)."""

from pathlib import Path
from typing import Any, Literal

import click

from cmmd.commands.options import SEED, Whole


@click.command(short_help="Write procedural clips and their event times.")
@click.argument("family", type=click.Choice(["impacts", "dance", "hits"]), metavar="FAMILY")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), metavar="DIR")
@click.option("--clips", type=Whole(1, 1_000_000), default=16, help="Number of clips.")
@click.option("--seed", type=SEED, default=0, help="Seed of the first clip.")
@click.option("--frames", type=Whole(1, 36_000), default=16, help="Frames per clip.")
@click.option("--fps", type=Whole(1, 100), default=10, help="Frames per second; can be changed for hits only.")
@click.option(
    "--image-size", type=Whole(8, 512), default=64, help="Side of the frames in pixels; can be changed for hits only."
)
@click.option(
    "--split", type=click.Choice(["standard", "hard", "unseen"]), default="standard", help="Difficulty of the clips."
)
def world(family: Literal["impacts", "dance", "hits"], folder: Path, **options: Any) -> None:
    """Write procedural clips of FAMILY (impacts, dance or hits) as MP4 and their event times as JSON into DIR.

    Example: cmmd world impacts worlds/impacts --clips 20 --seed 7
    """
    from cmmd.data.world.clip import check_sizes
    from cmmd.data.world.files import write_world

    try:
        check_sizes((family,), fps=options["fps"], image_size=options["image_size"])
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    write_world(family, folder, **options)
