"""The `cmmd` command: its options and their help (ours).

The work is imported inside each command, so that `cmmd --help` needs no torch.
"""

import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import click

from cmmd import __version__
from cmmd.errors import InputError

BAD_INPUT, INTERRUPTED = 2, 130


class Whole(click.IntRange):
    name = "integer"  # in messages and help; click says "integer range"


class Number(click.FloatRange):
    """A finite number in a range: click's own range lets `nan` through."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number


ANY_PATH = click.Path(path_type=Path)  # whether it exists is told by whoever opens it, with what was expected there
SEED = Whole(0, 2**31 - 1)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0 done, 2 bad input, 130 interrupted.

    What is wrong with the input is told in lines that begin with `cmmd: `; any other exception is a defect and keeps
    its traceback.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return commands.main(words or ["--help"], prog_name="cmmd", standalone_mode=False) or 0
    except (InputError, FloatingPointError) as error:  # the latter: training that diverged, told with its step
        return _refuse(str(error))
    except click.ClickException as error:
        return _refuse(error.format_message())
    except click.Abort:  # click's name for KeyboardInterrupt
        click.echo("cmmd: interrupted", err=True)
        return INTERRUPTED


def _refuse(message: str) -> int:
    for line in message.splitlines() or ["bad input"]:
        click.echo(f"cmmd: {line}", err=True)
    return BAD_INPUT


def sampling_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of every command that samples."""
    for option in (
        click.option("--sampler", type=click.Choice(["ddim", "dpm++", "unipc"]), default="unipc", help="ODE solver."),
        click.option(
            "--contrast", type=Number(0, 100), default=0, help="Push away from the wrong timing; not when making both."
        ),
        click.option("--guidance", type=Number(0, 100), help="Guidance strength.  [default: the model's own]"),
        click.option("--steps", type=Whole(1, 1000), default=25, help="Denoising steps."),
        click.option("--device", default="cpu", metavar="DEVICE", help="cpu, cuda, cuda:1, mps."),
    ):
        command = option(command)
    return command


@click.group(context_settings={"help_option_names": ["-h", "--help"], "show_default": True, "max_content_width": 110})
@click.version_option(__version__, prog_name="cmmd", message="%(prog)s %(version)s")
def commands() -> None:
    """Give a silent clip its sound, a sound its clip, or make both from nothing.

    Example: cmmd generate clip.mp4
    """


@commands.command()
@click.argument("inputs", nargs=-1, type=ANY_PATH, metavar="INPUT...")
@click.option("--to", type=click.Choice(["audio", "video"]), help="What to make.  [default: what INPUT lacks]")
@click.option("--joint", is_flag=True, help="Make both, without an INPUT.")
@click.option("--seconds", type=Number(0, 3600, min_open=True), help="Length with --joint.  [default: 1.6]")
@click.option("--model", metavar="MODEL", help="Model folder or name.  [default: the shipped one]")
@click.option("--out", type=ANY_PATH, help="File, or folder.  [default: INPUT's name and _cmmd]")
@click.option("--seed", type=SEED, default=0, help="Same seed, same result.")
@click.option("--takes", type=Whole(1, 100), default=1, help="Different results an input.")
@click.option("--picture", is_flag=True, help="Write frames and spectrogram as PNG beside each result.")
@click.option("--fit", type=click.Choice(["crop", "letterbox"]), default="crop", help="How frames become square.")
@sampling_options
def generate(inputs: tuple[Path, ...], joint: bool, seconds: float | None, **options: Any) -> int:
    """Make the sound of each video and the video of each sound.

    A video keeps its picture untouched. An input that cannot be used is told in one line and the others go on.

    Example: cmmd generate clip.mp4 drums.wav --out results --picture
    """
    if joint and (inputs or options["to"]):
        raise click.UsageError("--joint makes both from nothing: leave out INPUT and --to")
    if joint and options["contrast"]:
        raise click.UsageError("--contrast needs an INPUT to mismatch: leave it out with --joint")
    if not joint and not inputs:
        raise click.UsageError("expected an INPUT file, or --joint; cmmd generate --help lists the options")
    if not joint and seconds is not None:
        raise click.UsageError("--seconds goes with --joint; otherwise a result is as long as its input")
    if len(inputs) > 1 and options["out"] is not None and options["out"].suffix and not options["out"].is_dir():
        raise click.UsageError(f"--out {options['out']}: found one file for {len(inputs)} inputs, expected a folder")
    from cmmd.generation import GenerateOptions, generate

    seconds = 1.6 if seconds is None else seconds
    failed = generate(inputs, GenerateOptions(joint=joint, seconds=seconds, **options))
    return BAD_INPUT if failed else 0


@commands.command(short_help="Train by a recipe: a named set of settings.")
@click.argument("recipe", required=False)
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Replace a setting; may be repeated.")
@click.option("--config", "file", type=ANY_PATH, metavar="FILE", help="YAML file of settings, below --set.")
@click.option("--resume", is_flag=True, help="Go on from the last checkpoint in --out.")
@click.option("--out", type=ANY_PATH, metavar="DIR", help="Folder.  [default: runs/RECIPE]")
@click.option("--list", "list_names", is_flag=True, help="Print the recipes and exit.")
@click.option("--show", is_flag=True, help="Print the settings as YAML and exit.")
def train(
    recipe: str | None,
    overrides: tuple[str, ...],
    file: Path | None,
    resume: bool,
    out: Path | None,
    list_names: bool,
    show: bool,
) -> None:
    """Train by a recipe: a named set of settings, each of which a file or --set can replace.

    Example: cmmd train RECIPE --set seed=1 --out runs/try
    """
    from cmmd.recipes import load_recipe, recipe_names, run_recipe

    names = tuple(recipe_names())
    if list_names:
        click.echo("\n".join(names))
        return
    if recipe is None:
        raise click.UsageError(f"expected a RECIPE, one of: {', '.join(names)}")
    from cmmd.configuration import did_you_mean, resolve, to_yaml

    if recipe not in names:
        raise InputError(f"no recipe {recipe!r}{did_you_mean(recipe, names)} (cmmd train --list prints all)")
    config = resolve(load_recipe(recipe), file=file, overrides=overrides)
    if show:
        click.echo(to_yaml(config), nl=False)
        return
    run_recipe(recipe, config, out=Path("runs", recipe) if out is None else out, resume=resume)


@commands.command(short_help="Score a model on world clips of known event times.")
@click.argument("model", required=False)
@click.option("--family", type=click.Choice(["impacts", "dance", "both"]), default="both", help="World clips.")
@click.option(
    "--split", type=click.Choice(["standard", "hard", "unseen"]), default="standard", help="How hard they are."
)
@click.option("--clips", type=Whole(2, 1_000_000), default=300, help="Unseen clips a family.")
@click.option(
    "--direction",
    type=click.Choice(["video_to_audio", "audio_to_video", "joint", "all"]),
    default="all",
    help="What to make.",
)
@click.option("--seed", type=SEED, default=1_000_000, help="Seed of the first clip.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE.json", help="Write the figures.")
@sampling_options
def score(**options: Any) -> None:
    """Score MODEL (a folder or name; default: the shipped one) on world clips whose event times are known.

    Each figure stands beside the detector's ceiling and the chance of shuffled pairs.

    Example: cmmd score --family impacts --clips 50 --out impacts.json
    """
    from cmmd.evaluation.score import ScoreOptions, score

    score(ScoreOptions(**options))


@commands.command(short_help="Write procedural clips and their event times.")
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


if __name__ == "__main__":
    sys.exit(main())
