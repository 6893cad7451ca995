"""`cmmd evaluate` (ours)."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cmmd.commands.options import (
    ANY_PATH,
    SEED,
    Whole,
    engine_option,
    placement,
    sampling_config,
    sampling_options,
)

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
    type=click.Choice(["both", "video_to_audio", "audio_to_video", "joint", "all"]),
    default="both",
    help="Direction to measure; with --data, to generate and measure. joint, all: of world clips.",
)
@click.option(
    "--samples", "--clips", type=Whole(2, 1_000_000), default=50, help="Samples per direction and family, with --data."
)
@click.option(
    "--seed", type=SEED, help="Seed of the first sample, and of the first world clip.  [default: 0; world: 1000000]"
)
@click.option(
    "--family",
    type=click.Choice(["impacts", "dance", "hits", "both"]),
    default="both",
    help="Family of world clips; both: impacts and dance.",
)
@click.option(
    "--split", type=click.Choice(["standard", "hard", "unseen"]), default="standard", help="Difficulty of world clips."
)
@sampling_options
@engine_option
@click.option(
    "--backbone",
    "backbones",
    multiple=True,
    metavar="NAME[=PATH]",
    help="YAMNet, MobileNetV2, CLAP, I3D, VGGish or PANNs; without PATH, from the folder that CMMD_BACKBONES names.",
)
@click.option("--detector", type=ANY_PATH, metavar="DIR", help="Detector of visual events.  [default: the shipped one]")
@click.option(
    "--training", type=ANY_PATH, metavar="CLIPS", help="Training clips; the report lists possible copies of them."
)
@click.option(
    "--cache", type=ANY_PATH, metavar="DIR", help="Folder for embeddings of real clips.  [default: the user's cache]"
)
@click.option("--workers", type=Whole(1, 256), help="Processes that read files.  [default: one per processor]")
def evaluate(
    clips: tuple[Path, ...],
    systems: tuple[str, ...],
    model: str | None,
    data: str | None,
    engine: "Engine",
    device: str,
    **options: Any,
) -> int:
    """Measure GENERATED clips against REFERENCE clips of the same names, or the samples of a model.

    CLIPS are a folder, or a manifest (.csv or .jsonl) with name, file and optionally events and group. Every figure is
    shown next to those of real clips, shuffled pairs and the detector. A clip that cannot be measured is listed, and
    the exit code is 1. With --data, a single argument is the MODEL.

    Example: cmmd evaluate generated real --out report
    """
    named, paths = dict(_named(text) for text in systems), list(clips)
    if data is not None and model is None and len(paths) == 1 and not named:
        model = str(paths.pop())
    _check(paths, named=bool(named), model=model, data=data, engine=engine)
    world_only = [options["direction"] in ("joint", "all"), options["family"] != "both", options["split"] != "standard"]
    if data != "world" and any(world_only):
        raise click.UsageError("joint generation, --family and --split are of --data world")
    from cmmd.evaluation.evaluate import evaluate
    from cmmd.evaluation.evaluate_options import EvaluateOptions, GeneratedClips, GivenClips
    from cmmd.evaluation.samples.true_clips import WORLD_SEED

    seed = options.pop("seed")
    if seed is None:
        seed = WORLD_SEED if data == "world" else 0
    generation = {name: options.pop(name) for name in ("samples", "family", "split", "dtype")}
    sampling = sampling_config(options)
    if data is None:
        source = GivenClips(systems=named or {paths[0].stem or str(paths[0]): paths[0]}, reference=paths[-1])
    else:
        source = GeneratedClips(data=data, model=model, seed=seed, sampling=sampling, **generation)
    record = evaluate(EvaluateOptions(clips=source, placement=placement(engine, device), **options))
    return FAILED_CLIPS if record.failures else 0


def _check(paths: list[Path], *, named: bool, model: str | None, data: str | None, engine: "Engine") -> None:
    """Raises UsageError unless the arguments either give clips or name what to generate from."""
    expected = 0 if data is not None else 1 if named else 2
    if data is None and model is not None:
        raise click.UsageError("--model generates from --data: name real clips, or `world`")
    if data is not None and (paths or named):
        raise click.UsageError("--data generates what is measured: leave out GENERATED, REFERENCE and --system")
    if engine == "ray" and data is None:
        raise click.UsageError("--engine ray generates from --data: name real clips, or `world`")
    if len(paths) != expected:
        raise click.UsageError(
            f"found {len(paths)} places of clips, expected GENERATED and REFERENCE, REFERENCE with --system, or --data"
        )


def _named(text: str) -> tuple[str, Path]:
    name, equals, path = text.partition("=")
    if not (name and equals and path):
        raise click.UsageError(f"--system {text}: expected NAME=CLIPS")
    return name, Path(path)
