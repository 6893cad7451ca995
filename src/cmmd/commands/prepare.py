"""`cmmd prepare` (ours)."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cmmd.commands.options import ANY_PATH, Number, Whole, device_option, engine_option
from cmmd.errors import InputError

if TYPE_CHECKING:
    from cmmd.clips.geometry import Geometry
    from cmmd.data.preparing.prepare_config import PrepareConfig
    from cmmd.engines.placement import Engine

KINDS = ("folder", "manifest", "aist", "epic-sounds", "vas")


@click.command(short_help="Cut and encode media files into shards to train from.")
@click.argument("source", type=ANY_PATH)
@click.argument("out", type=click.Path(path_type=Path, file_okay=False))
@click.option("--kind", type=click.Choice(KINDS), help="What SOURCE is.  [default: folder, or manifest for a file]")
@click.option("--seconds", type=Number(0, 600, min_open=True), default=4.8, help="Length of a clip in seconds.")
@click.option("--shortest", type=Whole(1, 6000), default=16, help="Minimum length of a clip in frames.")
@click.option("--fps", type=Whole(1, 120), default=10, help="Frames per second.")
@click.option("--size", type=Whole(8, 4096), default=64, help="Side of the square frames in pixels.")
@click.option("--sample-rate", type=Whole(1000, 192_000), default=16_000, help="Sample rate in Hz.")
@click.option(
    "--autoencoder", default="shipped", metavar="MODEL", help="Autoencoder of diffusers: a folder, or hub:ORG/NAME."
)
@click.option("--codec", type=click.Choice(["log_mel", "complex_stft"]), default="log_mel", help="Spectrogram codec.")
@click.option("--mels", type=Whole(1, 4096), default=64, help="Frequency bins of a log_mel spectrogram.")
@click.option("--fit", type=click.Choice(["crop", "letterbox"]), default="crop", help="How to make frames square.")
@click.option("--mirror", is_flag=True, help="Also encode every video mirrored.")
@click.option("--validation", type=Number(0, 0.9), default=0.1, help="Share of the source videos for validation.")
@click.option("--test", type=Number(0, 0.9), default=0.0, help="Share of the source videos for the test split.")
@click.option("--annotations", type=ANY_PATH, multiple=True, help="EPIC-Sounds CSV file; may be repeated.")
@click.option("--class", "classes", multiple=True, help="EPIC-Sounds class; may be repeated.  [default: all]")
@click.option("--camera", "cameras", multiple=True, help="AIST camera, such as c01; may be repeated.  [default: all]")
@click.option("--ignore", type=ANY_PATH, help="AIST list of sequences to leave out.")
@click.option("--person/--whole", default=True, help="AIST: crop to the dancer, or use the whole height.")
@click.option("--shard", default="0/1", metavar="I/N", help="Write every N-th shard, starting with number I.")
@click.option("--files-per-shard", type=Whole(1, 100_000), default=64, help="Files or annotated sounds per shard.")
@click.option(
    "--workers",
    type=Whole(1, 1024),
    help="Processes that decode files.  [default: one per processor; 1 in a Ray worker]",
)
@engine_option
@device_option
@click.option(
    "--threads", type=Whole(1, 1024), default=1, help="Threads that encode; 1 gives the same bytes on every machine."
)
def prepare(
    source: Path,
    out: Path,
    shard: str,
    workers: int | None,
    engine: "Engine",
    device: str,
    threads: int,
    **options: Any,
) -> None:
    """Cut the clips of SOURCE, encode them, and write shards with an index into OUT.

    Files that cannot be used are left out and listed. A run that was stopped continues where it was; --shard 0/8 to 7/8
    are eight runs, on one machine or many, that fill one folder together.

    Example: cmmd prepare clips prepared/clips
    """
    job_index, job_count = _job(shard)
    geometry = _geometry(options)
    listing = _listing(source, **options)
    config = _config(geometry, options)
    from cmmd.data.preparing.prepare import prepare as run
    from cmmd.data.preparing.report import report

    here = {
        "job_index": job_index,
        "job_count": job_count,
        "workers": workers,
        "device": device,
        "threads": threads,
        "engine": engine,
    }
    click.echo(report(run(listing, out, config, **here), out))


def _geometry(options: dict[str, Any]) -> "Geometry":
    """Raises InputError for sizes that do not go together."""
    from cmmd.clips.geometry import Geometry

    sizes = {"fps": "fps", "frames": "shortest", "sample_rate": "sample_rate", "mels": "mels", "image_size": "size"}
    try:
        return Geometry(**{name: options[option] for name, option in sizes.items()})
    except ValueError as error:
        raise InputError(str(error)) from error


def _config(geometry: "Geometry", options: dict[str, Any]) -> "PrepareConfig":
    """Raises InputError for settings that do not go together."""
    from cmmd.data.preparing.prepare_config import PrepareConfig

    alike = {name: options[name] for name in ("autoencoder", "seconds", "codec", "fit", "mirror")}
    try:
        return PrepareConfig(geometry=geometry, requests_per_shard=options["files_per_shard"], **alike)
    except ValueError as error:
        raise InputError(str(error)) from error


def _listing(source: Path, *, kind: str | None, seconds: float, validation: float, test: float, **options: Any) -> Any:
    """Returns the requested clips, each with its split. Raises InputError for an option of another --kind."""
    from cmmd.data.preparing.request import with_splits

    kind = kind or ("manifest" if source.is_file() else "folder")
    for option, name, owner in (
        ("--annotations", "annotations", "epic-sounds"),
        ("--class", "classes", "epic-sounds"),
        ("--camera", "cameras", "aist"),
        ("--ignore", "ignore", "aist"),
    ):
        if options[name] and kind != owner:
            raise InputError(f"{option}: goes with --kind {owner}, found {kind}")
    if kind == "folder":
        from cmmd.data.preparing.folder import list_folder

        listing = list_folder(source)
    elif kind == "manifest":
        from cmmd.data.preparing.manifest import list_manifest

        listing = list_manifest(source, seconds=seconds)
    elif kind == "vas":
        from cmmd.data.preparing.vas import list_vas

        listing = list_vas(source)
    elif kind == "aist":
        from cmmd.data.preparing.aist import list_aist, read_ignored

        ignored = read_ignored(options["ignore"]) if options["ignore"] else frozenset()
        listing = list_aist(source, cameras=options["cameras"], ignored=ignored, person=options["person"])
    else:
        if not options["annotations"]:
            raise InputError("--annotations: found none, expected a CSV file of EPIC-Sounds")
        from cmmd.data.preparing.epic_sounds import list_epic_sounds

        listing = list_epic_sounds(source, options["annotations"], seconds=seconds, classes=options["classes"])
    return with_splits(listing, validation=validation, test=test)


def _job(shard: str) -> tuple[int, int]:
    first, slash, second = shard.partition("/")
    if not (slash and first.isdigit() and second.isdigit() and 0 <= int(first) < int(second)):
        raise InputError(f"--shard: found {shard!r}, expected I/N with I from 0 to N - 1, such as 0/8")
    return int(first), int(second)
