"""The loss on clips that are not trained on: it tells the best step, and when to stop (ours)."""

import torch

from cmmd.training.loop import LoopConfig, Losses, Objective, Part, mean_terms, step_generator
from cmmd.training.state import TrainingState

BATCHES = 8
"""The same ones, with the same times and noise, at every evaluation."""


@torch.no_grad()
def held_out_terms(state: TrainingState, losses: Losses, config: LoopConfig) -> dict[str, float]:
    """Loss terms of the averaged weights, named `held_out_...`; every process works off all batches."""
    objective = Objective(state.average.module, losses, precision=config.precision).eval()
    parts = [objective(Part(index), step_generator(config.seed, index)) for index in range(BATCHES)]
    values = mean_terms([{name: term.item() for name, term in terms.items()} for terms in parts])
    return {f"held_out_{name}": value for name, value in values.items()}
