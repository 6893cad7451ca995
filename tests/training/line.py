"""The smallest of trainings: a line through noise, with the sum of its inputs as the truth."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from cmmd.training.objective import MicroBatch, Objective, Term, step_generator

ITEMS = 8


class Points(NamedTuple):
    x: Tensor


def line() -> nn.Module:
    torch.manual_seed(0)
    return nn.Linear(3, 1)


def fit(slope: float = 1.0, *, items: int = ITEMS) -> Objective:
    """Squared error of y = slope * sum(x)."""

    def draw(step: int, micro_batch: MicroBatch) -> Points:
        x = torch.randn(items, 3, generator=step_generator(0, step))
        return Points(x.chunk(micro_batch.count)[micro_batch.index])

    def losses(model: nn.Module, batch: Points) -> dict[str, Term]:
        errors = (model(batch.x) - slope * batch.x.sum(1, keepdim=True)).square()
        large = batch.x.abs().amax(1, keepdim=True) > 1.5
        count = torch.full((), float(len(batch.x)))
        return {"loss": Term(errors.sum(), count), "large": Term((errors * large).sum(), large.sum())}

    return Objective(draw, losses)


def weights(module: nn.Module) -> list[Tensor]:
    return [parameter.clone() for parameter in module.state_dict().values()]
