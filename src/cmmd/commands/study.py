"""`cmmd study` (ours)."""

from pathlib import Path
from typing import Any, Literal

import click

from cmmd.commands.options import ANY_PATH, SEED, Whole
from cmmd.errors import InputError

QUESTIONS = ("sound", "picture", "sync")


@click.group(short_help="Ask people: build a page for raters, analyse their answers.")
def study() -> None:
    """Ask people which clips sound, look and fit together better.

    Example: cmmd study build page --system ours=results --reference clips
    """


@study.command(short_help="Write a page that raters open, and its key.")
@click.argument("out", type=ANY_PATH)
@click.option(
    "--system", "systems", multiple=True, metavar="NAME=FOLDER", help="Clips of one system; repeat for each system."
)
@click.option(
    "--reference",
    type=ANY_PATH,
    metavar="FOLDER",
    help="Real clips: the ceiling and, with mismatched sound, the floor.",
)
@click.option(
    "--questions", default=",".join(QUESTIONS), metavar="LIST", help="Comma-separated questions: sound, picture, sync."
)
@click.option("--pairs", type=Whole(0, 500), default=24, help="Comparisons per rater.")
@click.option("--ratings", type=Whole(0, 500), default=24, help="Single clips per rater, rated on a five-point scale.")
@click.option("--checks", type=Whole(0, 20), default=2, help="Attention checks per part (comparisons, single clips).")
@click.option("--headphones", type=Whole(0, 24), default=6, help="Trials of the headphone check.")
@click.option("--forced", is_flag=True, help="Do not offer 'no preference'.")
@click.option("--embed", is_flag=True, help="Write one file with all clips embedded; OUT must end in .html.")
@click.option("--title", default="Video and sound", help="Title that raters see.")
@click.option("--seed", type=SEED, default=0, help="The same seed and clips give the same page.")
def build(out: Path, systems: tuple[str, ...], questions: str, **options: Any) -> None:
    """Write a static page OUT that needs no server, and next to it OUT.key.json, which must not be published.

    Clips with the same file stem are compared. The page does not reveal which system made a clip.

    Example: cmmd study build page --system ours=a --system theirs=b --reference clips
    """
    folders = _folders(systems)
    asked = tuple(dict.fromkeys(word.strip() for word in questions.split(",")))
    for word in asked:
        if word not in QUESTIONS:
            raise InputError.about("--questions", found=repr(word), expected=f"some of {','.join(QUESTIONS)}")
    from cmmd.study.build import BuildOptions, build

    built = build(out, BuildOptions(systems=folders, questions=asked, **options))
    for note in built.notes:
        click.echo(f"note: {note}")
    click.echo(f"{built.page}: open or publish this\n{built.key}: keep this, cmmd study analyse needs it")


@study.command(short_help="Turn raters' answers into tables and a figure.")
@click.argument("key", type=ANY_PATH)
@click.argument("answers", nargs=-1, required=True, type=ANY_PATH, metavar="ANSWERS.json...")
@click.option("--out", type=ANY_PATH, required=True, metavar="DIR", help="Folder for the results.")
@click.option(
    "--keep",
    multiple=True,
    type=click.Choice(["attention", "headphones"]),
    help="Include raters who failed this check; may be repeated.",
)
@click.option("--misses", type=Whole(0, 100), default=0, help="Attention checks that a rater may miss.")
@click.option("--resamples", type=Whole(100, 1_000_000), default=5000, help="Bootstrap draws of raters and items.")
@click.option("--seed", type=SEED, default=0, help="Seed of the bootstrap draws.")
def analyse(
    key: Path,
    answers: tuple[Path, ...],
    out: Path,
    keep: tuple[Literal["attention", "headphones"], ...],
    **options: Any,
) -> None:
    """Write results.md, results.json and results.png from the KEY and the files that raters saved.

    Raters who fail a check are left out, counted and named.

    Example: cmmd study analyse page.key.json answers/*.json --out results
    """
    from cmmd.study.analyse import analyse
    from cmmd.study.results import AnalyseOptions

    click.echo(analyse(key, answers, out, AnalyseOptions(keep=frozenset(keep), **options)))


def _folders(systems: tuple[str, ...]) -> dict[str, Path]:
    folders: dict[str, Path] = {}
    for text in systems:
        name, equals, folder = text.partition("=")
        if not equals or not name.strip() or not folder:
            raise InputError.about("--system", found=repr(text), expected="NAME=FOLDER")
        if name.strip() in folders:
            raise InputError.about("--system", found=f"the name {name.strip()!r} twice", expected="a name a folder")
        folders[name.strip()] = Path(folder)
    return folders
