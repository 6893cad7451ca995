"""The folder of a run: its settings on record, and what may differ when it is resumed (ours)."""

import shutil
from pathlib import Path
from typing import Any

import yaml

from cmmd.configuration import RECIPE, as_dict, read_settings
from cmmd.errors import InputError
from cmmd.output_folder import make_folder
from cmmd.training.state import checkpoints
from cmmd.unfinished_file import written_beside

SETTINGS = "config.yaml"
CHANGEABLE = {
    f"loop.{name}"
    for name in ("steps", "patience", "save_every", "log_every", "trackers", "micro_batches", "fsdp", "compile")
}
"""Settings that a resumed run may change: how long it trains, what it tells, and how the work is divided."""


def open_run_folder(out: Path, config: Any, *, steps: int, recipe: str | None, resume: bool) -> None:
    """Make the folder and put the settings on record.

    Raises InputError when there is a run already and `resume` is False, and when it is True and there is none or a
    setting differs that decides what is trained, or more steps are done than the `steps` that are asked for.
    """
    make_folder(out)
    path = out / SETTINGS
    if checkpoints(out) and not resume:
        raise InputError(f"{out}: holds a run already, expected --resume or another --out")
    if resume:
        check_resumable(path, recorded_settings(out)[1], as_dict(config))
        done = max((int(path.name.removeprefix("step-")) for path in checkpoints(out)), default=0)
        if done > steps:
            raise InputError(f"{out}: has done {done} steps, expected loop.steps of at least as many, not {steps}")
    for partial in out.glob(".step-*.partial"):  # of a save that was killed
        shutil.rmtree(partial, ignore_errors=True)
    named = {RECIPE: recipe} if recipe else {}
    with written_beside(path) as temporary:
        temporary.write_text(yaml.safe_dump(named | as_dict(config), sort_keys=False, allow_unicode=True))


def recorded_settings(out: Path) -> tuple[str | None, dict[str, Any]]:
    """The recipe of the run in a folder, if it has a name, and its settings. Raises InputError when there is no run."""
    path = out / SETTINGS
    if not path.is_file():
        raise InputError(f"{out}: found no {SETTINGS}, expected the folder of a run to resume")
    return read_settings(path)


def check_resumable(path: Path, recorded: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Raise InputError that names every setting that differs and decides what is trained."""
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
