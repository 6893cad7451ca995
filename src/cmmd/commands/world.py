"""`cmmd world` (ours)."""

from pathlib import Path
from typing import Any, Literal

import click

from cmmd.commands.options import SEED, Whole


@click.command(short_help="Write procedural clips and their event times.")
@click.argument("family", type=click.Choice(["impacts", "dance"]), metavar="FAMILY")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), metavar="DIR")
@click.option("--clips", type=Whole(1, 1_000_000), default=16, help="Number of clips.")
@click.option("--seed", type=SEED, default=0, help="Seed of the first clip.")
@click.option("--frames", type=Whole(1, 36_000), default=16, help="Frames a clip, 10 a second.")
@click.option(
    "--split", type=click.Choice(["standard", "hard", "unseen"]), default="standard", help="How hard they are."
)
def world(family: Literal["impacts", "dance"], folder: Path, **options: Any) -> None:
    """Write procedural clips of FAMILY (impacts or dance) as MP4 and their event times as JSON into DIR.

    Example: cmmd world impacts worlds/impacts --clips 20 --seed 7
    """
    from cmmd.data.world.files import write_world

    write_world(family, folder, **options)
