"""torch.compile for the stages of the U-Nets, each in a graph of its own (ours).

Every stage is an object of one class, so that all their graphs belong to one piece of code, of which torch.compile
keeps eight and runs the rest uncompiled without a word: the limit is raised to what the model needs.
"""

import torch
from torch import nn

SHAPES = 4
"""Batch shapes a stage may meet: with and without the contrastive term, in training and in evaluation."""


def compile_stages(model: nn.Module, *, backend: str = "inductor") -> int:
    """Compile, in place, the modules that a model names in ``_repeated_blocks``, or the model; returns their number."""
    names = set(getattr(model, "_repeated_blocks", None) or ())
    stages = [module for module in model.modules() if type(module).__name__ in names] or [model]
    graphs = SHAPES * len(stages)
    limits = torch._dynamo.config
    limits.recompile_limit = max(limits.recompile_limit, graphs)
    limits.accumulated_recompile_limit = max(limits.accumulated_recompile_limit, graphs)
    for stage in stages:
        stage.compile(dynamic=False, backend=backend)
    return len(stages)
