"""`cmmd generate` (ours)."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cmmd.commands.options import (
    ANY_PATH,
    BAD_INPUT,
    SEED,
    Number,
    Whole,
    engine_option,
    placement,
    sampling_config,
    sampling_options,
)

if TYPE_CHECKING:
    from cmmd.engines.placement import Engine
    from cmmd.generation.clip_generation import GenerateOptions
    from cmmd.generation.output_plan import OutputOptions


BEST = "best"
MODEL_OPTIONS = {"model": "name", "device": "device", "dtype": "dtype"}


class Keep(click.ParamType):
    """START-END in seconds, or `best`."""

    name = "keep"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, float] | str:
        if isinstance(value, tuple) or value == BEST:
            return value
        found = re.fullmatch(r"(\d+\.?\d*|\.\d+)-(\d+\.?\d*|\.\d+)", value, re.ASCII)
        if found is None or float(found[1]) >= float(found[2]):
            self.fail(f"{value!r} is not START-END in seconds, such as 0-2.5, and not best.", param, ctx)
        return float(found[1]), float(found[2])


@click.command()
@click.argument("inputs", nargs=-1, type=ANY_PATH, metavar="INPUT...")
@click.option("--manifest", type=ANY_PATH, metavar="FILE", help="Table of clips, with the columns of `cmmd prepare`.")
@click.option("--to", type=click.Choice(["audio", "video"]), help="What to generate.  [default: what INPUT lacks]")
@click.option(
    "--joint", is_flag=True, help="Generate video and sound, without an INPUT or continuing the stretches of --keep."
)
@click.option(
    "--seconds", type=Number(0, 3600, min_open=True), help="Length in seconds with --joint.  [default: 1.6, or INPUT's]"
)
@click.option("--model", metavar="MODEL", help="Model folder, or hub:ORG/NAME.  [default: the shipped one]")
@click.option("-o", "--out", metavar="PATH", help="File, or folder (ends with /).  [default: INPUT's name and _cmmd]")
@click.option("--overwrite", is_flag=True, help="Replace existing results.")
@click.option("--seed", type=SEED, default=0, help="The same seed gives the same result.")
@click.option("--takes", type=Whole(1, 100), default=1, help="Number of different results per input.")
@click.option("--picture", is_flag=True, help="Write frames and spectrogram as PNG next to each result.")
@click.option("--fit", type=click.Choice(["crop", "letterbox"]), default="crop", help="How to make frames square.")
@click.option(
    "--keep",
    type=Keep(),
    multiple=True,
    metavar="START-END|best",
    help="Stretch of INPUT to keep, in seconds, such as 0-2.5; may be repeated. The rest is generated to match. "
    "best: write only the one of several --takes that the model scores best.",
)
@click.option(
    "--keep-sound",
    is_flag=True,
    help="Keep the original sound as a second track.  [default: it is left out, and this is reported]",
)
@click.option(
    "--mix",
    type=Number(-60, 20),
    metavar="DB",
    help="Mix in the original sound, changed by this many dB; the result is stereo.",
)
@click.option(
    "--duck",
    type=Number(0, 60),
    metavar="DB",
    help="With --mix: lower the original sound further while the new sound is heard.",
)
@click.option("--loudness", type=Number(-60, -5), metavar="LUFS", help="Loudness to reach (EBU R 128), such as -23.")
@click.option("--stereo", is_flag=True, help="Write 48 kHz stereo sound.  [default: mono, as the model generates it]")
@engine_option
@sampling_options
def generate(
    inputs: tuple[Path, ...],
    manifest: Path | None,
    joint: bool,
    seconds: float | None,
    engine: "Engine",
    **options: Any,
) -> int:
    """Make sound for each video and video for each sound.

    A video keeps its picture untouched. A file that has both gets a new sound instead of its own; --keep-sound, --mix
    and --keep retain its own. An input that cannot be used is reported in one line, and the others are still processed
    (exit code 2 at the end).

    A folder means all clips in it and in its subfolders. Its results go to the same subfolders of --out, by default the
    folder's name and _cmmd. The results of a folder or table are recorded in made.jsonl in the same folder. When the
    command runs again, also after a kill, clips that are done are skipped; a clip whose settings, input or model have
    changed does not count as done.

    Example: cmmd generate clip.mp4 drums.wav --out results --picture
    """
    options["best"] = BEST in options["keep"]
    options["keep"] = tuple(kept for kept in options["keep"] if kept != BEST)
    _check(inputs, manifest, joint, seconds, options)
    if engine == "ray" and not _many(inputs, manifest):
        raise click.UsageError("--engine ray goes with a folder of clips, or a --manifest")
    where = placement(engine, options["device"])
    given = bool(inputs) or manifest is not None
    length = 1.6 if seconds is None and not (joint and given) else seconds
    outputs = _outputs(inputs, manifest, options)
    settings = _settings(outputs, joint=joint, seconds=length, **options)
    if _many(inputs, manifest):
        from cmmd.generation.folders.run import generate_folder

        failed = generate_folder(inputs, settings, manifest=manifest, placement=where)
    else:
        from cmmd.generation.named_files import generate

        failed = generate(inputs, settings)
    return BAD_INPUT if failed else 0


def _many(inputs: tuple[Path, ...], manifest: Path | None) -> bool:
    """Whether clips are given by a folder or a table. Their results go to a folder with a record."""
    return manifest is not None or any(path.is_dir() for path in inputs)


def _check(
    inputs: tuple[Path, ...], manifest: Path | None, joint: bool, seconds: float | None, options: dict[str, Any]
) -> None:
    """Raise UsageError for options that do not go together."""
    given = bool(inputs) or manifest is not None
    if joint and (options["to"] or (given and not options["keep"])):
        raise click.UsageError("--joint makes both from nothing: leave out INPUT and --to, or say what to --keep")
    if joint and options["contrast"]:
        raise click.UsageError("--contrast needs an INPUT to mismatch: leave it out with --joint")
    if joint and options["gradient"]:
        raise click.UsageError("--gradient needs an INPUT to move towards: leave it out with --joint")
    if not joint and not given:
        raise click.UsageError("expected an INPUT file, or --joint; cmmd generate --help lists the options")
    if not joint and seconds is not None:
        raise click.UsageError("--seconds goes with --joint; otherwise a result is as long as its input")
    for name in ("keep", "mix"):
        if not given and options[name] not in (None, ()):
            raise click.UsageError(f"--{name} needs an INPUT to take it from")
    if options["duck"] and options["mix"] is None:
        raise click.UsageError("--duck goes with --mix, which it lowers")
    if options["best"] and options["takes"] < 2:
        raise click.UsageError("--keep best chooses among takes: found one, expected --takes 2 or more")
    if options["keep_sound"] and (joint or options["to"] == "video"):
        raise click.UsageError("--keep-sound goes with a new sound for a video")


def _settings(outputs: "OutputOptions", **options: Any) -> "GenerateOptions":
    """Groups the options of the command, without those of the output."""
    from cmmd.clips.mastering import Mastering
    from cmmd.generation.clip_generation import GenerateOptions
    from cmmd.pipelines.loading import ModelOptions

    mastering = {name: options.pop(name) for name in ("mix", "loudness", "stereo")}
    return GenerateOptions(
        outputs=outputs,
        sampling=sampling_config(options),
        mastering=Mastering(duck=options.pop("duck") or 0.0, **mastering),
        model=ModelOptions(**{name: options.pop(key) for key, name in MODEL_OPTIONS.items()}),
        **options,
    )


def _outputs(inputs: tuple[Path, ...], manifest: Path | None, options: dict[str, Any]) -> "OutputOptions":
    """Removes the output options from a command's options and returns them. Raises UsageError if several inputs would
    go to one file or have no folder for their results, and for a sound file with --keep-sound."""
    from cmmd.clips.encoding import CONTAINERS
    from cmmd.clips.writing import SOUND_ALONE
    from cmmd.generation.output_plan import OutputOptions

    many = _many(inputs, manifest)
    named: str | None = options.pop("out")
    out = None if named is None else Path(named)
    if many and out is None:
        out = _default_folder([*inputs, *([] if manifest is None else [manifest])])
    suffix = "" if out is None else out.suffix.lower()
    ends = named is not None and named.endswith(("/", os.sep))
    like_a_file = suffix in (*CONTAINERS, *SOUND_ALONE) and not ends
    outputs = OutputOptions(
        out=out,
        folder=ends or (many and not like_a_file),
        **{name: options.pop(name) for name in ("takes", "best", "picture", "overwrite")},
    )
    if outputs.file is not None and (many or len(inputs) > 1):
        found = f"found one file for {'many clips' if many else f'{len(inputs)} inputs'}"
        raise click.UsageError(f"--out {named}: {found}, expected a folder (its name ends with /)")
    if options["keep_sound"] and outputs.file is not None and suffix in SOUND_ALONE:
        raise click.UsageError(f"--out {named}: found a file for one sound, expected one for two with --keep-sound")
    return outputs


def _default_folder(given: Sequence[Path]) -> Path:
    """Returns the folder of results if none is named: the name of the clips' folder or table, and _cmmd. Raises
    UsageError for several of them."""
    only = given[0] if given[0].name not in ("", "..") else given[0].resolve()
    if len(given) > 1 or not only.name:
        raise click.UsageError("expected --out DIR, the folder for the results of all")
    return only.with_name(f"{only.name if only.is_dir() else only.stem}_cmmd")
