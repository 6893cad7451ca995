"""The settings of a scheduler from a folder that may come from anybody: bounded, and tried out (ours)."""

import math
from typing import Any, get_args

import torch

from cmmd.diffusion.direction import TRAINING_STEPS
from cmmd.diffusion.process import PredictionType
from cmmd.diffusion.sampling_config import Sampler
from cmmd.diffusion.solver import Scheduler, Solver

LARGEST = TRAINING_STEPS
"""Of every other number: a setting beyond is no setting, and might be a size."""
TRIED = 3
"""Steps."""


def check_scheduler_values(values: dict[str, Any]) -> None:
    """Raise ValueError for another process than the networks of this project are trained for, and for a value that no
    scheduler takes."""
    if values.get("num_train_timesteps") != TRAINING_STEPS:
        raise ValueError(f"num_train_timesteps is {values.get('num_train_timesteps')!r:.60}, expected {TRAINING_STEPS}")
    if values.get("prediction_type") not in get_args(PredictionType):
        raise ValueError(f"prediction_type is {values.get('prediction_type')!r:.60}, expected v_prediction or epsilon")
    betas = values.get("trained_betas")
    if not isinstance(betas, list) or len(betas) != TRAINING_STEPS or not all(_is_share(beta) for beta in betas):
        raise ValueError(f"trained_betas are not {TRAINING_STEPS} numbers from 0 to 1")
    for name, value in values.items():
        plain = value is None or isinstance(value, bool | str)
        small = isinstance(value, int | float) and (abs(value) <= LARGEST or value == -math.inf)
        if name != "trained_betas" and not plain and not small:
            raise ValueError(f"{name} is {value!r:.60}, expected a setting")


def check_solvers(scheduler: Scheduler) -> None:
    """Raise ValueError unless every solver takes some steps with these settings to numbers."""
    for sampler in get_args(Sampler):
        x = torch.ones(1, 1, 2, 2)
        solver = Solver(sampler, scheduler, x, steps=TRIED)
        for _, timestep, _ in solver.steps():
            x = solver.step(0.5 * x, timestep, x)
        if x.shape != (1, 1, 2, 2) or not x.isfinite().all():
            raise ValueError(f"{sampler} with these settings gives no numbers")


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
