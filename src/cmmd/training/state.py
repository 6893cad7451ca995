"""What training is at a step: model, moving average, optimiser; resuming is the same as never having stopped (ours).

A checkpoint is a folder `step-00001000`. It is written beside and then renamed: a killed save leaves the last one. It
holds `model.safetensors`, `average.safetensors` (the weights to use) and `optimizer.pt` (loadable with weights_only),
or, where processes share the weights, the files of torch.distributed.checkpoint, one a process. Either kind is read by
any number of processes, sharing or not.
"""

import copy
import math
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_optimizer_state_dict,
    set_optimizer_state_dict,
)
from torch.distributed.checkpoint.state_dict_loader import load as load_shares
from torch.distributed.checkpoint.state_dict_saver import save as save_shares
from torch.optim.swa_utils import AveragedModel

from cmmd.errors import InputError
from cmmd.training.sharding import shard, shared_like, whole_weights
from cmmd.training.team import Team

KEPT = 2
"""Checkpoints that stay on disk."""
SHARES = ".metadata"
"""The file that tells a checkpoint of shares: torch.distributed.checkpoint writes it last."""


@dataclass(slots=True)
class TrainingState:
    """step: optimiser steps done. average: exponential moving average of the weights (arXiv 2312.02696).
    best_loss, best_step: lowest held-out loss so far, and where it was. unsharded: where processes share the weights,
    the untrained model in one piece, for the result."""

    model: nn.Module
    average: AveragedModel
    optimizer: torch.optim.Optimizer
    step: int = 0
    best_loss: float = math.inf
    best_step: int | None = None
    unsharded: nn.Module | None = None

    @classmethod
    def fresh(
        cls,
        model: nn.Module,
        *,
        learning_rate: float,
        weight_decay: float,
        average_decay: float,
        share_weights: bool = False,
    ) -> "TrainingState":
        def update(average: Tensor, current: Tensor, count: Tensor | int) -> Tensor:
            # Early on the average would be dominated by the random start: the decay grows with the steps done.
            decay = min(average_decay, (1 + float(count)) / (10 + float(count)))
            return torch.lerp(average, current, 1 - decay)

        unsharded = copy.deepcopy(model) if share_weights else None
        average = AveragedModel(model, avg_fn=update)
        if share_weights:
            for weights in (model, average.module):
                shard(weights)
        # Fused: one pass over the weights, a third of the time of the default on a CPU.
        optimizer = torch.optim.AdamW(
            model.parameters(), lr=learning_rate, weight_decay=weight_decay, betas=(0.9, 0.99), fused=True
        )
        return cls(model=model, average=average, optimizer=optimizer, unsharded=unsharded)

    @property
    def is_shared(self) -> bool:
        """Whether every process holds a share of the weights, and not all of them."""
        return self.unsharded is not None

    def stalled(self, steps: int) -> bool:
        """Whether the held-out loss has not fallen for that many steps; never for none."""
        return 0 < steps <= self.step - (self.best_step or 0)

    def save(self, folder: Path, team: Team | None = None) -> Path:
        """Write checkpoint `step-N` into `folder` and drop older ones but the best; returns its path. All processes
        call it."""
        team = team or Team()
        target = checkpoint_path(folder, self.step)
        beside = folder / f".{target.name}.partial"
        if team.leads:
            shutil.rmtree(beside, ignore_errors=True)
            beside.mkdir(parents=True)
        if self.is_shared:
            team.wait()
            save_shares(self._shares(), checkpoint_id=beside)
        elif team.leads:
            save_file(_contiguous(self.model.state_dict()), beside / "model.safetensors")
            save_file(_contiguous(self.average.module.state_dict()), beside / "average.safetensors")
            torch.save(self._counts() | {"optimizer": self._optimizer_tensors()}, beside / "optimizer.pt")
        if team.leads:
            shutil.rmtree(target, ignore_errors=True)
            beside.rename(target)
            for old in checkpoints(folder)[:-KEPT]:
                if self.best_step is None or old != checkpoint_path(folder, self.best_step):
                    shutil.rmtree(old)
        return target

    def load(self, checkpoint: Path) -> None:
        """Go back to a saved step. Raises InputError when a file is missing or does not fit the model."""
        try:
            saved = self._read(checkpoint)
            for module, weights in ((self.model, saved["model"]), (self.average.module, saved["average"])):
                module.load_state_dict(shared_like(weights, get_model_state_dict(module)))
        except (OSError, RuntimeError, CheckpointException) as error:
            reason = str(error).splitlines()[0]
            raise InputError(f"{checkpoint}: not a checkpoint of this configuration: {reason}") from error
        # What is no tensor (learning rate, betas) is the configuration's, and not saved.
        own = get_optimizer_state_dict(self.model, self.optimizer, options=_flat())
        optimizer: Any = own | shared_like(saved["optimizer"], own)
        set_optimizer_state_dict(self.model, self.optimizer, optimizer, options=_flat())
        self.average.n_averaged.copy_(saved["averaged"])
        self.step = int(saved["step"])
        self.best_loss = float(saved["best_loss"])
        self.best_step = int(saved["best_step"]) if math.isfinite(self.best_loss) else None

    def note_held_out(self, loss: float) -> bool:
        """Whether this step's held-out loss is the lowest so far; if so, its checkpoint will be kept."""
        improved = loss < self.best_loss
        if improved:
            self.best_loss, self.best_step = loss, self.step
        return improved

    def result(self) -> nn.Module:
        """The averaged model in one piece, in eval mode. All processes call it; the first one's holds the weights."""
        if self.unsharded is None:
            return self.average.module.eval()
        weights = whole_weights(self.average.module)
        if weights:
            self.unsharded.load_state_dict(weights)
        return self.unsharded.eval()

    def _read(self, checkpoint: Path) -> dict[str, Any]:
        if (checkpoint / SHARES).exists():
            shares = self._shares()
            load_shares(shares, checkpoint_id=checkpoint, no_dist=not dist.is_initialized())
            return shares
        state = torch.load(checkpoint / "optimizer.pt", weights_only=True)
        model, average = (load_file(checkpoint / f"{name}.safetensors") for name in ("model", "average"))
        return state | {"model": model, "average": average}

    def _shares(self) -> dict[str, Any]:
        return {
            "model": get_model_state_dict(self.model),
            "average": get_model_state_dict(self.average.module),
            "optimizer": self._optimizer_tensors(),
        } | self._counts()

    def _counts(self) -> dict[str, Tensor]:
        return {
            "averaged": self.average.n_averaged,
            "step": torch.tensor(self.step),
            "best_loss": torch.tensor(self.best_loss, dtype=torch.float64),
            "best_step": torch.tensor(self.best_step or 0),
        }

    def _optimizer_tensors(self) -> dict[str, Tensor]:
        flat = get_optimizer_state_dict(self.model, self.optimizer, options=_flat())
        return {name: value for name, value in flat.items() if isinstance(value, Tensor)}


def checkpoint_path(folder: Path, step: int) -> Path:
    """Where the checkpoint of a step is."""
    return folder / f"step-{step:08d}"


def checkpoints(folder: Path) -> list[Path]:
    """Complete checkpoints in a run's folder, oldest first."""
    return sorted(path for path in folder.glob("step-*") if path.is_dir())


def _flat() -> StateDictOptions:
    """Optimiser state by the names of the weights, whatever their order or share."""
    return StateDictOptions(flatten_optimizer_state_dict=True)


def _contiguous(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.contiguous() for name, tensor in tensors.items()}
