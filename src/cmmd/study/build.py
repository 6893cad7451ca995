"""`cmmd study build`: writes a page to publish and a secret key from clips of systems (paper: the user study)."""

import base64
import hashlib
import json
import math
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cmmd.clips.probing import MediaInfo
from cmmd.errors import InputError
from cmmd.runtime.provenance import provenance
from cmmd.study.key import Key, key_file, write_key
from cmmd.study.media import Sources, write_media
from cmmd.study.page_data import page_data, page_html
from cmmd.study.pairing import left_out, pair_clips
from cmmd.study.plan import MISMATCHED, REAL, Plan, plan_study


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildOptions:
    """The options of the command; see `cmmd study build --help`."""

    systems: dict[str, Path]
    reference: Path | None = None
    questions: tuple[str, ...] = ("sound", "picture", "sync")
    pairs: int = 24
    ratings: int = 24
    checks: int = 2
    headphones: int = 6
    forced: bool = False
    embed: bool = False
    title: str = "Video and sound"
    seed: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Built:
    """Paths of the page and of the key, and notes for the person who runs the study, one sentence each."""

    page: Path
    key: Path
    notes: tuple[str, ...]


def build(out: Path, options: BuildOptions) -> Built:
    """Write the page (a folder, or a single HTML file with `embed`) and its key.

    Raises InputError if settings or clips cannot be used, or if the page or the key already exists.
    """
    _check(out, options)
    folders = options.systems | ({REAL: options.reference} if options.reference else {})
    sources = pair_clips(folders)
    floor = [MISMATCHED] if options.reference and len(sources) > 1 else []
    plan = plan_study(
        list(sources),
        [*folders, *floor],
        pairs=options.pairs,
        ratings=options.ratings,
        checks=options.checks,
        seed=options.seed,
    )
    if not plan.trials:
        expected = "at least one question: two systems to compare, or --ratings above 0"
        raise InputError.about("study", found="nothing to ask", expected=expected)
    with _temporary_folder(out) as folder:
        (folder / "media").mkdir()
        infos = write_media(plan, sources, folder / "media", seed=options.seed)
        study = _write_page(folder, plan, options)
        write_key(_key(study, plan, (*folders, *floor), tuple(sources), options), key_file(out))
        (folder / "index.html" if options.embed else folder).rename(out)
    notes = _notes(plan, infos, sources, left_out(folders, sources), options)
    return Built(page=out if options.embed else out / "index.html", key=key_file(out), notes=tuple(notes))


def _key(study: str, plan: Plan, systems: tuple[str, ...], items: tuple[str, ...], options: BuildOptions) -> Key:
    return Key(
        study=study,
        title=options.title,
        questions=options.questions,
        systems=systems,
        items=items,
        headphones=options.headphones,
        forced=options.forced,
        media=plan.media,
        trials=plan.trials,
        provenance=provenance(_settings(options), seed=options.seed),
    )


def _check(out: Path, options: BuildOptions) -> None:
    for path in (out, key_file(out)):  # without the key, answers to its page cannot be used
        if path.exists():
            raise InputError.about(path, found="something there", expected="a new name")
    if not out.parent.is_dir():
        raise InputError.about(out, found=f"no folder {out.parent}", expected="an existing folder to write to")
    if options.embed != (out.suffix.lower() == ".html"):
        expected = "the name of an .html file with --embed, of a folder without"
        raise InputError.about(out, found=f"the suffix {out.suffix!r}", expected=expected)
    if not options.systems:
        raise InputError.about("--system", found="none", expected="NAME=FOLDER, once a system")
    for name in options.systems:
        if name in (REAL, MISMATCHED):
            raise InputError.about("--system", found=f"the name {name!r}", expected="another one: this is ours")
        if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", options.title, re.IGNORECASE):
            raise InputError.about("--title", found=f"the system's name {name!r}", expected="a title that hides it")


def _write_page(folder: Path, plan: Plan, options: BuildOptions) -> str:
    """Write index.html next to its media folder; returns the study id, a hash of the page data and of all clips."""
    files = {name: folder / "media" / f"{name}.mp4" for name in plan.media}
    where = {name: f"media/{name}.mp4" for name in files}
    if options.embed:
        where = {
            name: f"data:video/mp4;base64,{base64.b64encode(file.read_bytes()).decode()}"
            for name, file in files.items()
        }
    data = page_data(
        plan,
        where,
        questions=options.questions,
        headphones=options.headphones,
        forced=options.forced,
        title=options.title,
    )
    content = hashlib.sha256(json.dumps({**data, "media": sorted(files)}, sort_keys=True).encode())
    for name in sorted(files):
        content.update(files[name].read_bytes())
    study = content.hexdigest()[:12]
    (folder / "index.html").write_text(page_html({"study": study, **data}), encoding="utf-8", errors="backslashreplace")
    return study


@contextmanager
def _temporary_folder(out: Path) -> Iterator[Path]:
    """Yield a hidden temporary folder in the parent folder of `out`; it is deleted at the end unless it was renamed."""
    folder = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".part", dir=out.parent))
    folder.chmod(0o755)  # mkdtemp allows only the user to read; a web server has to read it too
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _settings(options: BuildOptions) -> dict:
    return {
        name: {k: str(v) for k, v in value.items()} if isinstance(value, dict) else value
        for name, value in (
            (name, getattr(options, name)) for name in BuildOptions.__slots__ if name not in ("reference", "seed")
        )
    } | {"reference": str(options.reference) if options.reference else None}


def _notes(
    plan: Plan,
    infos: Mapping[str, MediaInfo],
    sources: Sources,
    alone: Mapping[str, int],
    options: BuildOptions,
) -> Iterator[str]:
    """Notes on conditions that make the study smaller or less blind than intended."""
    for system, count in alone.items():
        yield f"{system}: {count} clips without a partner in every other folder were left out"
    if not options.reference:
        yield "no --reference: there is no ceiling (real clips) and no floor (mismatched sound)"
    elif len(sources) == 1:
        yield "a single clip: there is no other sound for the mismatched floor"
    tests = len(options.questions) * len({trial.systems for trial in plan.trials.values() if len(trial.systems) == 2})
    needed = math.ceil(1 + math.log2(tests / 0.05)) if tests else 0
    if len(sources) < needed:
        yield f"{len(sources)} items: with fewer than {needed} of them, or of raters, no preference can be significant"
    looks: dict[str, set[tuple]] = {}
    for name, medium in plan.media.items():
        info = infos[name]
        if medium.item:
            looks.setdefault(medium.item, set()).add((info.video.width, info.video.height, round(info.seconds, 1)))
    unlike = sum(len(look) > 1 for look in looks.values())
    if unlike:
        yield f"{unlike} of {len(looks)} items differ between systems in size or length, which tells them apart"
