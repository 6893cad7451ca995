"""`cmmd doctor` (ours)."""

from pathlib import Path

import click

from cmmd.commands.options import ANY_PATH, Number, Whole
from cmmd.errors import InputError

UNUSABLE = 1
"""Exit code if a file is unusable."""


@click.command(short_help="Find what is wrong with media files before training on them.")
@click.argument("path", type=ANY_PATH)
@click.option(
    "--json",
    "record",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.json",
    help="Write all measurements.",
)
@click.option(
    "--page",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.html",
    help="Write a page with pictures of every file.",
)
@click.option("--seconds", type=Number(0, 3600, min_open=True), help="Shortest useful clip in seconds.  [default: 1.6]")
@click.option("--workers", type=Whole(1, 1024), help="Processes that decode files.  [default: one per processor]")
def doctor(path: Path, record: Path | None, page: Path | None, seconds: float | None, workers: int | None) -> int:
    """Examine PATH, a media file or a folder of them: damage, silence, offsets, duplicates and more.

    Each finding is unusable (cmmd prepare leaves the file out, or nothing can be learnt from it), a warning or a note.
    The exit code is 0 when all files are usable, 1 when one is not, 2 for bad input.

    Example: cmmd doctor clips --page clips.html
    """
    for out, suffix in ((record, ".json"), (page, ".html")):
        if out is not None and out.suffix.lower() != suffix:  # so that a clip is never overwritten
            raise InputError.about(out, found=f"the suffix {out.suffix!r}", expected=suffix)
    from cmmd.clips.geometry import Geometry
    from cmmd.doctor.checkup import check
    from cmmd.doctor.page import write_page
    from cmmd.doctor.report import report, write_record

    shortest = Geometry().seconds if seconds is None else seconds
    checkup = check(path, shortest=shortest, workers=workers, drawn=page is not None)
    click.echo(report(checkup))
    if record is not None:
        write_record(checkup, record)
    if page is not None:
        write_page(checkup, page)
    return UNUSABLE if checkup.count("unusable") else 0
