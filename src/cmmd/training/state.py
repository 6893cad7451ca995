"""The training state: model, EMA, optimiser; a resumed run gives the result of an uninterrupted one (ours).

A checkpoint is a folder such as `step-00001000` with `model.safetensors`, `ema.safetensors` (the weights to use),
`optimizer.safetensors` and `state.json`. The files are the same for any number of ranks, sharded or not, and are never
unpickled. A checkpoint is written under a temporary name and then renamed, so an interrupted save leaves the previous
checkpoints intact. Damaged files (a lost disk block, an interrupted copy) raise another error than files of another
model.
"""

import copy
import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import (
    get_model_state_dict,
    get_optimizer_state_dict,
    set_optimizer_state_dict,
)

from cmmd.errors import InputError
from cmmd.files.foreign_files import reading
from cmmd.files.output_folder import share_as_folder
from cmmd.files.unfinished_folder import atomic_folder, remove_folder
from cmmd.training.distributed import Ranks
from cmmd.training.ema import EMA
from cmmd.training.sharding import LOCAL, WHOLE, shard, sharded_like

RETAINED = 2
"""Number of newest checkpoints that stay on disk, in addition to the best one."""
CHECKPOINT = re.compile(r"step-[0-9]{8,12}")
Tensors = dict[str, Tensor]


class DamagedCheckpoint(InputError):
    """A file of a checkpoint is missing, or its content cannot be what was saved."""


class SavedState(NamedTuple):
    """The content of a checkpoint. tensors: by name, for each of `model`, `ema` and `optimizer`."""

    tensors: dict[str, Tensors]
    step: int
    best_loss: float
    best_step: int | None


@dataclass(slots=True)
class TrainingState:
    """step: number of completed optimiser steps. best_loss, best_step: lowest held-out loss so far and its step.
    whole_model: an unsharded copy of the untrained model that `result` loads the weights into; None if the weights are
    not sharded."""

    model: nn.Module
    ema: EMA
    optimizer: torch.optim.AdamW
    step: int = 0
    best_loss: float = math.inf
    best_step: int | None = None
    whole_model: nn.Module | None = None

    @classmethod
    def fresh(
        cls,
        model: nn.Module,
        *,
        learning_rate: float,
        weight_decay: float,
        ema_decay: float,
        fsdp: bool = False,
        precision: Literal["fp32", "bf16"] = "fp32",
    ) -> "TrainingState":
        """The state before the first step. With `fsdp`, shards `model` over all ranks; otherwise `model` must be on its
        device."""
        whole_model = copy.deepcopy(model) if fsdp else None
        ema = EMA(model, decay=ema_decay)
        if fsdp:
            for weights in (model, ema.model):
                shard(weights, precision=precision)
        return cls(
            model=model,
            ema=ema,
            optimizer=_adamw(model, learning_rate=learning_rate, weight_decay=weight_decay),
            whole_model=whole_model,
        )

    @property
    def is_sharded(self) -> bool:
        """Whether the weights are sharded over the ranks."""
        return self.whole_model is not None

    def stalled(self, steps: int) -> bool:
        """Whether the held-out loss has not reached a new minimum for `steps` steps; False if `steps` is 0."""
        return 0 < steps <= self.step - (self.best_step or 0)

    def save(self, folder: Path, ranks: Ranks | None = None) -> Path:
        """Write the checkpoint of this step into `folder`, then remove old ones (see `drop_older`). Returns its path.
        All ranks must call it. Raises InputError if writing fails."""
        ranks = ranks or Ranks()
        target = checkpoint_path(folder, self.step)
        tensors = self._tensors(WHOLE) if self.is_sharded or ranks.is_main else {}

        def write() -> None:
            folder.mkdir(parents=True, exist_ok=True)
            with atomic_folder(target) as partial:
                for name, values in tensors.items():
                    save_file(values, partial / f"{name}.safetensors")
                    share_as_folder(partial / f"{name}.safetensors")
                (partial / "state.json").write_text(json.dumps(self._counts()))
            self.drop_older(folder)

        ranks.by_main(write)
        return target

    def drop_older(self, folder: Path) -> None:
        """Remove all checkpoints up to this step but the newest `RETAINED` and the best one. A resumed run calls it
        too, because an earlier process may have been killed before it removed them."""
        target = checkpoint_path(folder, self.step)
        # Later checkpoints are damaged, or the run would have resumed from them; they do not count as retained.
        for old in [path for path in checkpoints(folder) if path <= target][:-RETAINED]:
            if self.best_step is None or old != checkpoint_path(folder, self.best_step):
                remove_folder(old)

    def load(self, checkpoint: Path) -> None:
        """Restore the state from a checkpoint. Raises the errors of `read`."""
        self.take(self.read(checkpoint))

    def read(self, checkpoint: Path) -> SavedState:
        """Read and check a checkpoint without changing the state. Raises DamagedCheckpoint if a file is missing or
        damaged, and InputError if a file cannot be read or belongs to another model."""
        own = self._tensors(LOCAL)
        saved = {name: _read(checkpoint / f"{name}.safetensors", load_file) for name in own}
        step, best_loss, best_step = _read(checkpoint / "state.json", _read_counts)
        if step != int(checkpoint.name.removeprefix("step-")):
            raise DamagedCheckpoint.about(
                checkpoint / "state.json", found=f"step {step}", expected="that of its folder"
            )
        for name, tensors in saved.items():
            _check_fit(checkpoint / f"{name}.safetensors", tensors, own[name])
        return SavedState(saved, step, best_loss, best_step)

    def take(self, saved: SavedState) -> None:
        """Restore the state that `read` returned."""
        own = self._tensors(LOCAL)
        self.model.load_state_dict(sharded_like(saved.tensors["model"], own["model"]))
        self.ema.model.load_state_dict(sharded_like(saved.tensors["ema"], own["ema"]))
        # Checkpoints have no learning rate and betas: these come from the settings.
        whole: Any = get_optimizer_state_dict(self.model, self.optimizer, options=LOCAL)
        whole |= sharded_like(saved.tensors["optimizer"], own["optimizer"])
        set_optimizer_state_dict(self.model, self.optimizer, whole, options=LOCAL)
        self.step, self.best_loss, self.best_step = saved.step, saved.best_loss, saved.best_step

    def note_held_out(self, loss: float) -> bool:
        """Record the held-out loss of this step. Returns whether it is the lowest so far; if so, `drop_older` retains
        the checkpoint of this step."""
        improved = loss < self.best_loss
        if improved:
            self.best_loss, self.best_step = loss, self.step
        return improved

    def result(self) -> nn.Module:
        """The unsharded EMA model in eval mode. All ranks must call it. If the weights are sharded, only the main
        rank's model has the trained weights."""
        if self.whole_model is None:
            return self.ema.model.eval()
        weights = get_model_state_dict(self.ema.model, options=WHOLE)
        if weights:
            self.whole_model.load_state_dict(weights)
        return self.whole_model.eval()

    def _tensors(self, options: Any) -> dict[str, dict[str, Tensor]]:
        optimizer = get_optimizer_state_dict(self.model, self.optimizer, options=options)
        found = {
            "model": get_model_state_dict(self.model, options=options),
            "ema": get_model_state_dict(self.ema.model, options=options),
            "optimizer": {name: value for name, value in optimizer.items() if isinstance(value, Tensor)},
        }
        return {name: {key: value.contiguous() for key, value in tensors.items()} for name, tensors in found.items()}

    def _counts(self) -> dict[str, Any]:
        best_loss = self.best_loss if math.isfinite(self.best_loss) else None
        return {"step": self.step, "best_loss": best_loss, "best_step": self.best_step}


def checkpoint_path(folder: Path, step: int) -> Path:
    """The path of the checkpoint of a step."""
    return folder / f"step-{step:08d}"


def checkpoints(folder: Path) -> list[Path]:
    """The complete checkpoints in the folder of a run, oldest first."""
    return sorted(path for path in folder.glob("step-*") if CHECKPOINT.fullmatch(path.name) and path.is_dir())


def steps_done(folder: Path) -> int:
    """The step of the newest checkpoint in the folder of a run; 0 without checkpoints."""
    return max((int(path.name.removeprefix("step-")) for path in checkpoints(folder)), default=0)


def _read(path: Path, reader: Callable[[Path], Any]) -> Any:
    """Read a file of a checkpoint with `reader`.

    Raises DamagedCheckpoint if the file is missing or malformed. Raises InputError on an OSError or MemoryError: the
    file may be intact, so the run must not fall back to an older checkpoint.
    """
    expected = "a file of a whole checkpoint"
    if not path.exists():
        raise DamagedCheckpoint.about(path, found="no such file", expected=expected)
    try:
        with reading(path, expected=expected):
            return reader(path)
    except InputError as error:
        if isinstance(error.__cause__, OSError | MemoryError):
            raise
        raise DamagedCheckpoint(str(error)) from error


def _read_counts(path: Path) -> tuple[int, float, int | None]:
    """Step, best loss and best step from `state.json`. Raises ValueError, KeyError or TypeError for invalid content."""
    counts = json.loads(path.read_text(encoding="utf-8"))
    step, best_loss, best_step = counts["step"], counts["best_loss"], counts["best_step"]
    whole = [type(value) is int and value >= 0 for value in (step, best_step) if value is not None]
    finite = best_loss is None or (isinstance(best_loss, int | float) and math.isfinite(best_loss))
    if step is None or not all(whole) or not finite:
        raise ValueError(f"{counts}, expected whole steps and a loss")
    return step, math.inf if best_loss is None else float(best_loss), best_step


def _adamw(model: nn.Module, *, learning_rate: float, weight_decay: float) -> torch.optim.AdamW:
    """Fused AdamW. Biases and norms, which are the parameters with at most one axis, have no weight decay."""
    weights = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [weight for weight in weights if weight.ndim > 1], "weight_decay": weight_decay},
        {"params": [weight for weight in weights if weight.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        [group for group in groups if group["params"]], lr=learning_rate, betas=(0.9, 0.99), fused=True
    )


def _check_fit(path: Path, found: Tensors, expected: Tensors) -> None:
    """Raise InputError if a tensor is missing, unknown, or of another shape or type. Raise DamagedCheckpoint if a
    tensor is not finite: a diverged state is never saved, so the file is damaged."""
    for key in sorted(found.keys() | expected.keys()):
        kinds = [_kind(tensors[key]) if key in tensors else "no tensor" for tensors in (found, expected)]
        if kinds[0] != kinds[1]:
            raise InputError(f"{path}: not of this configuration: {kinds[0]} for {key}, expected {kinds[1]}")
        if not found[key].isfinite().all():
            raise DamagedCheckpoint.about(path, found=f"damage ({key} is not finite)", expected="finite numbers")


def _kind(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"
