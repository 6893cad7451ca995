"""What training is at a step: model, EMA, optimiser; resuming is the same as never having stopped (ours).

A checkpoint is a folder `step-00001000`, the same files for any number of ranks, sharded or not: `model.safetensors`,
`ema.safetensors` (the weights to use), `optimizer.safetensors` and `state.json`. Nothing in it is ever unpickled. It is
written under a temporary name and then renamed: a killed save leaves the checkpoint before it.
"""

import copy
import json
import math
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import (
    get_model_state_dict,
    get_optimizer_state_dict,
    set_optimizer_state_dict,
)

from cmmd.errors import InputError
from cmmd.output_folder import share_as_folder
from cmmd.training.distributed import Ranks
from cmmd.training.ema import EMA
from cmmd.training.sharding import LOCAL, WHOLE, shard, sharded_like

RETAINED = 2
"""Checkpoints that stay on disk, besides the best one."""


@dataclass(slots=True)
class TrainingState:
    """step: optimiser steps done. best_loss, best_step: lowest held-out loss so far, and where it was.
    whole_model: where the weights are sharded, the untrained model in one piece, for the result."""

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
        """Before the first step, for a model on its device or, with `fsdp`, for one to be sharded over all ranks."""
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
        """Whether every rank holds a shard of the weights, and not all of them."""
        return self.whole_model is not None

    def stalled(self, steps: int) -> bool:
        """Whether the held-out loss has not fallen for that many steps; never for none."""
        return 0 < steps <= self.step - (self.best_step or 0)

    def save(self, folder: Path, ranks: Ranks | None = None) -> Path:
        """Write checkpoint `step-N` into `folder` and drop older ones but the best; returns its path. All ranks call
        it."""
        ranks = ranks or Ranks()
        target = checkpoint_path(folder, self.step)
        partial = folder / f".{target.name}.partial"
        tensors = self._tensors(WHOLE) if self.is_sharded or ranks.is_main else {}
        if ranks.is_main:
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            for name, values in tensors.items():
                save_file(values, partial / f"{name}.safetensors")
                share_as_folder(partial / f"{name}.safetensors")
            (partial / "state.json").write_text(json.dumps(self._counts()))
            shutil.rmtree(target, ignore_errors=True)
            partial.rename(target)
            for old in checkpoints(folder)[:-RETAINED]:
                if self.best_step is None or old != checkpoint_path(folder, self.best_step):
                    shutil.rmtree(old)
        ranks.wait()
        return target

    def load(self, checkpoint: Path) -> None:
        """Go back to a saved step. Raises InputError when a file is missing, damaged or does not fit the model."""
        own = self._tensors(LOCAL)
        try:
            saved = {name: load_file(checkpoint / f"{name}.safetensors") for name in own}
            counts = json.loads((checkpoint / "state.json").read_text())
            for name, tensors in saved.items():
                _check_fit(name, tensors, own[name])
            step, best_loss, best_step = _checked_counts(counts)
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            reason = str(error).splitlines()[0]
            raise InputError(f"{checkpoint}: not a checkpoint of this configuration: {reason}") from error
        self.model.load_state_dict(sharded_like(saved["model"], own["model"]))
        self.ema.model.load_state_dict(sharded_like(saved["ema"], own["ema"]))
        # Learning rate and betas are settings, and not saved: they stay.
        whole: Any = get_optimizer_state_dict(self.model, self.optimizer, options=LOCAL)
        whole |= sharded_like(saved["optimizer"], own["optimizer"])
        set_optimizer_state_dict(self.model, self.optimizer, whole, options=LOCAL)
        self.step, self.best_loss, self.best_step = step, best_loss, best_step

    def note_held_out(self, loss: float) -> bool:
        """Whether this step's held-out loss is the lowest so far; if so, its checkpoint will be kept."""
        improved = loss < self.best_loss
        if improved:
            self.best_loss, self.best_step = loss, self.step
        return improved

    def result(self) -> nn.Module:
        """The EMA in one piece, in eval mode. All ranks call it; the main one's holds the weights."""
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
    """Where the checkpoint of a step is."""
    return folder / f"step-{step:08d}"


def checkpoints(folder: Path) -> list[Path]:
    """Complete checkpoints in a run's folder, oldest first."""
    return sorted(path for path in folder.glob("step-[0-9]*") if path.is_dir())


def _checked_counts(counts: dict[str, Any]) -> tuple[int, float, int | None]:
    """What `TrainingState._counts` wrote. Raises ValueError for anything else."""
    step, best_loss, best_step = counts["step"], counts["best_loss"], counts["best_step"]
    whole = [type(value) is int and value >= 0 for value in (step, best_step) if value is not None]
    if step is None or not all(whole) or not isinstance(best_loss, int | float | None):
        raise ValueError(f"state.json has {counts}, expected whole steps and a loss")
    return step, math.inf if best_loss is None else float(best_loss), best_step


def _adamw(model: nn.Module, *, learning_rate: float, weight_decay: float) -> torch.optim.AdamW:
    """AdamW without decay on biases and norms, which are the weights of one axis; fused: one pass over the weights."""
    weights = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [weight for weight in weights if weight.ndim > 1], "weight_decay": weight_decay},
        {"params": [weight for weight in weights if weight.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        [group for group in groups if group["params"]], lr=learning_rate, betas=(0.9, 0.99), fused=True
    )


def _check_fit(name: str, found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    """Raise ValueError for a tensor that is missing, unknown or of another shape."""
    for key in sorted(found.keys() | expected.keys()):
        shapes = [tuple(tensors[key].shape) if key in tensors else "no tensor" for tensors in (found, expected)]
        if shapes[0] != shapes[1]:
            raise ValueError(f"{name} has {shapes[0]} for {key}, expected {shapes[1]}")
