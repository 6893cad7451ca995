"""`cmmd score` (ours)."""

from pathlib import Path
from typing import Any

import click

from cmmd.commands.options import ANY_PATH, SEED, Whole, sampling_config, sampling_options


@click.command(short_help="Score a model on world clips of known event times.")
@click.argument("model", required=False)
@click.option(
    "--family",
    type=click.Choice(["impacts", "dance", "hits", "both"]),
    default="both",
    help="Family of world clips; both: impacts and dance.",
)
@click.option(
    "--split", type=click.Choice(["standard", "hard", "unseen"]), default="standard", help="Difficulty of the clips."
)
@click.option("--clips", type=Whole(2, 1_000_000), default=300, help="Number of unseen clips per family.")
@click.option(
    "--direction",
    type=click.Choice(["video_to_audio", "audio_to_video", "joint", "all"]),
    default="all",
    help="What to generate.",
)
@click.option(
    "--detector",
    type=ANY_PATH,
    metavar="DIR",
    help="Detector that cmmd train world.visual_events wrote.  [default: shipped]",
)
@click.option("--seed", type=SEED, default=1_000_000, help="Seed of the first clip.")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE.json", help="Write the results as JSON."
)
@sampling_options
def score(**options: Any) -> None:
    """Score MODEL (a folder or hub:ORG/NAME; default: the shipped one) on world clips whose event times are known.

    Each figure is shown next to the detector's ceiling and the chance level of shuffled pairs.

    Example: cmmd score --family impacts --clips 50 --out impacts.json
    """
    from cmmd.evaluation.score import ScoreOptions, score

    score(ScoreOptions(sampling=sampling_config(options), **options))
