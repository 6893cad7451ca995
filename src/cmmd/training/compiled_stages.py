"""torch.compile for the stages of the U-Nets: one graph per stage (ours).

All stages are instances of one class, so their graphs share one code object. By default torch.compile holds eight
graphs per code object and silently runs the others uncompiled. `compile_stages` raises this limit to the number that
the model needs.
"""

import torch
from torch import nn

SHAPES = 4
"""Number of batch shapes that a stage may see: with and without the contrastive term, in training and in evaluation."""


def compile_stages(model: nn.Module, *, backend: str = "inductor") -> int:
    """Compile the modules whose classes the model lists in ``_repeated_blocks``, in place; the whole model if there are
    none. Returns the number of compiled modules."""
    names = set(getattr(model, "_repeated_blocks", None) or ())
    stages = [module for module in model.modules() if type(module).__name__ in names] or [model]
    graphs = SHAPES * len(stages)
    limits = torch._dynamo.config
    limits.recompile_limit = max(limits.recompile_limit, graphs)
    limits.accumulated_recompile_limit = max(limits.accumulated_recompile_limit, graphs)
    for stage in stages:
        stage.compile(dynamic=False, backend=backend)
    return len(stages)
