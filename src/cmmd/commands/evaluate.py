"""`cmmd evaluate` (ours)."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cmmd.commands.options import ANY_PATH, SEED, Whole, device_option, engine_option, placement, threads_option

if TYPE_CHECKING:
    from cmmd.engines.placement import Engine

FAILED_CLIPS = 1
"""Exit code: figures were written, but some clips could not be measured."""


@click.command(short_help="Measure generated clips against real ones.")
@click.argument("clips", nargs=-1, type=ANY_PATH, metavar="[GENERATED] [REFERENCE]")
@click.option(
    "--system", "systems", multiple=True, metavar="NAME=CLIPS", help="Clips of one system; repeat for each system."
)
@click.option(
    "--model",
    metavar="MODEL",
    help="Model to generate with: a folder or hub:ORG/NAME.  [with --data: shipped]",
)
@click.option("--data", metavar="CLIPS", help="Real clips to generate from, or `world`: clips with known event times.")
@click.option("--out", type=ANY_PATH, required=True, metavar="DIR", help="Folder for the record and the report.")
@click.option(
    "--direction",
    type=click.Choice(["both", "video_to_audio", "audio_to_video"]),
    default="both",
    help="Direction to measure; with --data, to generate and measure.",
)
@click.option("--samples", type=Whole(2, 100_000), default=50, help="Samples per direction and family, with --data.")
@click.option("--seed", type=SEED, default=0, help="Seed of the first sample.")
@click.option("--steps", type=Whole(1, 1000), default=25, help="Denoising steps.")
@engine_option
@device_option
@threads_option
@click.option(
    "--backbone",
    "backbones",
    multiple=True,
    metavar="NAME[=PATH]",
    help="YAMNet, MobileNetV2, CLAP, I3D, VGGish or PANNs; without PATH, from the folder that CMMD_BACKBONES names.",
)
@click.option(
    "--training", type=ANY_PATH, metavar="CLIPS", help="Training clips; the report lists possible copies of them."
)
@click.option(
    "--cache", type=ANY_PATH, metavar="DIR", help="Folder for embeddings of real clips.  [default: the user's cache]"
)
@click.option("--workers", type=Whole(1, 256), help="Processes that read files.  [default: one per processor]")
def evaluate(clips: tuple[Path, ...], systems: tuple[str, ...], engine: "Engine", **options: Any) -> int:
    """Measure GENERATED clips against REFERENCE clips of the same names, or the samples of a model.

    CLIPS are a folder, or a manifest (.csv or .jsonl) with name, file and optionally events and group. Every figure is
    shown next to those of real clips, shuffled pairs and the detector. A clip that cannot be measured is listed, and
    the exit code is 1.

    Example: cmmd evaluate generated real --out report
    """
    named = dict(_named(text) for text in systems)
    expected = 0 if options["data"] is not None else 1 if named else 2
    if options["data"] is None and options["model"] is not None:
        raise click.UsageError("--model generates from --data: name real clips, or `world`")
    if options["data"] is not None and (clips or named):
        raise click.UsageError("--data generates what is measured: leave out GENERATED, REFERENCE and --system")
    if engine == "ray" and options["data"] is None:
        raise click.UsageError("--engine ray generates from --data: name real clips, or `world`")
    if len(clips) != expected:
        raise click.UsageError(
            f"found {len(clips)} places of clips, expected GENERATED and REFERENCE, REFERENCE with --system, or --data"
        )
    if not named and clips:
        named = {clips[0].stem or str(clips[0]): clips[0]}
    from cmmd.evaluation.evaluate import evaluate
    from cmmd.evaluation.evaluate_options import EvaluateOptions

    reference = clips[-1] if clips else None
    where = placement(engine, options["device"])
    record = evaluate(EvaluateOptions(systems=named, reference=reference, placement=where, **options))
    return FAILED_CLIPS if record.failures else 0


def _named(text: str) -> tuple[str, Path]:
    name, equals, place = text.partition("=")
    if not (name and equals and place):
        raise click.UsageError(f"--system {text}: expected NAME=CLIPS")
    return name, Path(place)
