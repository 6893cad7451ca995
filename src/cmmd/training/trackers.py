"""Trackers that receive the figures of a run in addition to its log: TensorBoard, Weights & Biases (ours)."""

import hashlib
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from cmmd.errors import InputError

TrackerName = Literal["tensorboard", "wandb"]


class TensorBoard:
    """Writes event files to `tensorboard` in the folder of the run. The steps that a resumed run repeats replace the
    earlier ones."""

    def __init__(self, folder: Path, config: dict[str, Any], *, resume_at: int) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise _missing("tensorboard") from error
        self._writer = SummaryWriter(str(folder / "tensorboard"), purge_step=resume_at + 1 if resume_at else None)
        self._writer.add_text("configuration", f"```\n{config}\n```")

    def write(self, step: int, figures: dict[str, float]) -> None:
        for name, value in figures.items():
            self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        self._writer.close()


class WandB:
    """Logs to a run of project `cmmd`. Resuming continues the same W&B run. The environment variables of wandb
    apply."""

    def __init__(self, folder: Path, config: dict[str, Any], *, resume_at: int) -> None:
        try:
            import wandb  # pyright: ignore[reportMissingImports]
        except ImportError as error:
            raise _missing("wandb") from error
        identity = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:12]
        resume = "allow" if resume_at else None
        self._run = wandb.init(
            project="cmmd", name=folder.name, id=identity, resume=resume, dir=str(folder), config=config
        )

    def write(self, step: int, figures: dict[str, float]) -> None:
        self._run.log(figures, step=step)

    def close(self) -> None:
        self._run.finish()


Tracker = TensorBoard | WandB


def require_trackers(names: tuple[TrackerName, ...]) -> None:
    """Raise InputError if a tracker is not installed."""
    for name in names:
        installed = sys.modules[name] is not None if name in sys.modules else find_spec(name) is not None
        if not installed:
            raise _missing(name)


def open_trackers(
    names: tuple[TrackerName, ...], folder: Path, config: dict[str, Any], *, resume_at: int
) -> list[Tracker]:
    """Open the named trackers. Raises InputError if one is not installed."""
    kinds = {"tensorboard": TensorBoard, "wandb": WandB}
    return [kinds[name](folder, config, resume_at=resume_at) for name in names]


def _missing(name: str) -> InputError:
    checkout = ' (in a checkout: pip install "./[track]")' if name == "tensorboard" else ""
    return InputError(f"loop.trackers: {name} is not installed, expected it after: pip install {name}{checkout}")
