"""Checks of scheduler settings from untrusted folders: values are bounded, and every solver is tried out (ours)."""

import math
from typing import Any, get_args

import torch

from cmmd.diffusion.direction import TRAINING_STEPS
from cmmd.diffusion.process import PredictionType
from cmmd.diffusion.sampling_config import Sampler
from cmmd.diffusion.solver import Scheduler, Solver

LARGEST = TRAINING_STEPS
"""Largest magnitude of all other numbers. No valid setting is larger, and a larger one could be used as a size."""
TRIED = 3
"""Number of solver steps in the trial."""


def check_scheduler_values(values: dict[str, Any]) -> None:
    """Raises ValueError for values that no scheduler accepts, and for a number of training steps or a prediction type
    that the networks of this project are not trained for."""
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
    """Raises ValueError unless a few steps of every solver with these settings give finite numbers."""
    for sampler in get_args(Sampler):
        x = torch.ones(1, 1, 2, 2)
        solver = Solver(sampler, scheduler, x, steps=TRIED)
        for _, timestep, _ in solver.steps():
            x = solver.step(0.5 * x, timestep, x)
        if x.shape != (1, 1, 2, 2) or not x.isfinite().all():
            raise ValueError(f"{sampler} with these settings gives no numbers")


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
