"""`cmmd generate` (ours)."""

import os
from pathlib import Path
from typing import Any

import click

from cmmd.commands.options import ANY_PATH, BAD_INPUT, SEED, Number, Whole, sampling_config, sampling_options


@click.command()
@click.argument("inputs", nargs=-1, type=ANY_PATH, metavar="INPUT...")
@click.option("--to", type=click.Choice(["audio", "video"]), help="What to make.  [default: what INPUT lacks]")
@click.option("--joint", is_flag=True, help="Make both, without an INPUT.")
@click.option("--seconds", type=Number(0, 3600, min_open=True), help="Length with --joint.  [default: 1.6]")
@click.option("--model", metavar="MODEL", help="Model folder, or hub:ORG/NAME.  [default: the shipped one]")
@click.option("--out", metavar="PATH", help="File, or folder (ends with /).  [default: INPUT's name and _cmmd]")
@click.option("--overwrite", is_flag=True, help="Replace results that are there already.")
@click.option("--seed", type=SEED, default=0, help="Same seed, same result.")
@click.option("--takes", type=Whole(1, 100), default=1, help="Different results an input.")
@click.option("--picture", is_flag=True, help="Write frames and spectrogram as PNG beside each result.")
@click.option("--fit", type=click.Choice(["crop", "letterbox"]), default="crop", help="How frames become square.")
@sampling_options
def generate(inputs: tuple[Path, ...], joint: bool, seconds: float | None, **options: Any) -> int:
    """Make the sound of each video and the video of each sound. A folder stands for the clips in it.

    A video keeps its picture untouched. An input that cannot be used is told in one line and the others go on.

    Example: cmmd generate clip.mp4 drums.wav --out results --picture
    """
    if joint and (inputs or options["to"]):
        raise click.UsageError("--joint makes both from nothing: leave out INPUT and --to")
    if joint and options["contrast"]:
        raise click.UsageError("--contrast needs an INPUT to mismatch: leave it out with --joint")
    if joint and options["gradient"]:
        raise click.UsageError("--gradient needs an INPUT to move towards: leave it out with --joint")
    if not joint and not inputs:
        raise click.UsageError("expected an INPUT file, or --joint; cmmd generate --help lists the options")
    if not joint and seconds is not None:
        raise click.UsageError("--seconds goes with --joint; otherwise a result is as long as its input")
    from cmmd.generation import GenerateOptions, generate
    from cmmd.output_plan import OutputOptions

    out: str | None = options.pop("out")
    outputs = OutputOptions(
        out=None if out is None else Path(out),
        folder=out is not None and out.endswith(("/", os.sep)),
        **{name: options.pop(name) for name in ("takes", "picture", "overwrite")},
    )
    if len(inputs) > 1 and outputs.file is not None:
        found = f"found one file for {len(inputs)} inputs"
        raise click.UsageError(f"--out {out}: {found}, expected a folder (its name ends with /)")
    seconds = 1.6 if seconds is None else seconds
    sampling = sampling_config(options)
    settings = GenerateOptions(joint=joint, seconds=seconds, outputs=outputs, sampling=sampling, **options)
    return BAD_INPUT if generate(inputs, settings) else 0
