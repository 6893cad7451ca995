"""What training is at a step: model, moving average, optimiser; resuming is the same as never having stopped (ours).

A checkpoint is a folder `step-00001000` of `model.safetensors`, `average.safetensors` (the weights to use) and
`optimizer.pt` (loadable with weights_only). It is written beside and then renamed: a killed save leaves the last one.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.optim.swa_utils import AveragedModel

from cmmd.errors import InputError

KEPT = 2
"""Checkpoints that stay on disk."""


@dataclass(slots=True)
class TrainingState:
    """step: optimiser steps done. average: exponential moving average of the weights (arXiv 2312.02696)."""

    model: nn.Module
    average: AveragedModel
    optimizer: torch.optim.Optimizer
    step: int = 0

    @classmethod
    def fresh(
        cls, model: nn.Module, *, learning_rate: float, weight_decay: float, average_decay: float
    ) -> "TrainingState":
        def update(average: torch.Tensor, current: torch.Tensor, count: torch.Tensor | int) -> torch.Tensor:
            # Early on the average would be dominated by the random start: the decay grows with the steps done.
            decay = min(average_decay, (1 + float(count)) / (10 + float(count)))
            return torch.lerp(average, current, 1 - decay)

        average = AveragedModel(model, avg_fn=update)
        # Fused: one pass over the weights, a third of the time of the default on a CPU.
        optimizer = torch.optim.AdamW(
            model.parameters(), lr=learning_rate, weight_decay=weight_decay, betas=(0.9, 0.99), fused=True
        )
        return cls(model=model, average=average, optimizer=optimizer)

    def save(self, folder: Path) -> Path:
        """Write checkpoint `step-N` into `folder` and drop older ones; returns its path."""
        target = folder / f"step-{self.step:08d}"
        beside = folder / f".{target.name}.partial"
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(parents=True)
        save_file(_contiguous(self.model.state_dict()), beside / "model.safetensors")
        save_file(_contiguous(self.average.module.state_dict()), beside / "average.safetensors")
        state = {"step": self.step, "averaged": self.average.n_averaged, "optimizer": self.optimizer.state_dict()}
        torch.save(state, beside / "optimizer.pt")
        shutil.rmtree(target, ignore_errors=True)
        beside.rename(target)
        for old in checkpoints(folder)[:-KEPT]:
            shutil.rmtree(old)
        return target

    def load(self, checkpoint: Path) -> None:
        """Go back to a saved step. Raises InputError when a file is missing or does not fit the model."""
        try:
            self.model.load_state_dict(load_file(checkpoint / "model.safetensors"))
            self.average.module.load_state_dict(load_file(checkpoint / "average.safetensors"))
            state = torch.load(checkpoint / "optimizer.pt", weights_only=True)
        except (OSError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            raise InputError(f"{checkpoint}: not a checkpoint of this configuration: {reason}") from error
        self.optimizer.load_state_dict(state["optimizer"])
        self.average.n_averaged.copy_(state["averaged"])
        self.step = state["step"]


def checkpoints(folder: Path) -> list[Path]:
    """Complete checkpoints in a run's folder, oldest first."""
    return sorted(path for path in folder.glob("step-*") if path.is_dir())


def _contiguous(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: tensor.contiguous() for name, tensor in tensors.items()}
