"""The folder of a run: its recorded settings, and which settings a resumed run may change (ours)."""

from pathlib import Path
from typing import Any

import yaml

from cmmd.errors import InputError
from cmmd.files.configuration import RECIPE, read_settings
from cmmd.files.inline_groups import as_dict
from cmmd.files.output_folder import make_folder
from cmmd.files.unfinished_file import atomic_file, sweep
from cmmd.files.unfinished_folder import restore
from cmmd.training.log import read_log
from cmmd.training.state import checkpoints, steps_done

SETTINGS = "config.yaml"
LOG = "log.jsonl"
MODEL = "model"
PICTURES = ("losses.png", "gaps.png")
COPIES = "copies.json"
CHANGEABLE = {
    f"loop.{name}"
    for name in ("steps", "patience", "save_every", "log_every", "trackers", "micro_batches", "fsdp", "compile")
}
"""Settings that a resumed run may change: its length, its reports and checkpoints, and how the work is divided."""


def open_run_folder(out: Path, config: Any, *, steps: int, recipe: str | None, resume: bool) -> None:
    """Create the folder, remove incomplete files of killed runs, and record the settings.

    Raises InputError if `resume` is False and the folder has checkpoints. With `resume`, raises InputError if the
    folder has no recorded settings, if a setting outside `CHANGEABLE` differs, if more than `steps` steps are done, or
    if the log is damaged.
    """
    make_folder(out)
    _tidy(out)
    path = out / SETTINGS
    if checkpoints(out) and not resume:
        raise InputError(f"{out}: holds a run already, expected --resume or another --out")
    if resume:
        check_resumable(path, recorded_settings(out)[1], as_dict(config))
        done = steps_done(out)
        if done > steps:
            raise InputError(f"{out}: has done {done} steps, expected loop.steps of at least as many, not {steps}")
        if done and (out / LOG).exists():
            read_log(out / LOG)  # report a damaged log before changing any file
    text = yaml.safe_dump(({RECIPE: recipe} if recipe else {}) | as_dict(config), sort_keys=False, allow_unicode=True)
    with atomic_file(path, durable=True) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _tidy(out: Path) -> None:
    """Remove the temporary files of killed runs, and restore folders whose replacement was interrupted."""
    sweep(out, SETTINGS, LOG, *PICTURES, COPIES, MODEL, "step-*")
    for folder in (out / MODEL, *(out / path.name[1:].removesuffix(".replaced") for path in out.glob(".step-*"))):
        restore(folder)


def recorded_settings(out: Path) -> tuple[str | None, dict[str, Any]]:
    """The recipe name (None if not recorded) and the settings of the run in a folder. Raises InputError if there is no
    run or its settings cannot be read."""
    path = out / SETTINGS
    if not path.is_file():
        raise InputError(f"{out}: found no {SETTINGS}, expected the folder of a run to resume")
    return read_settings(path)


def check_resumable(path: Path, recorded: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Raise InputError, with both values of each setting, if settings outside `CHANGEABLE` differ."""
    before, now = _flat(recorded), _flat(wanted)
    names = [name for name in before | now if before.get(name, ...) != now.get(name, ...) and name not in CHANGEABLE]
    if names:
        none = "no setting"
        differences = "; ".join(f"{name} was {before.get(name, none)}, is {now.get(name, none)}" for name in names)
        raise InputError(f"{path}: {differences}; expected the settings of the run to resume it")


def _flat(settings: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    values = {}
    for key, value in settings.items():
        name = f"{prefix}{key}"
        values |= _flat(value, f"{name}.") if isinstance(value, dict) else {name: value}
    return values
