"""FSDP2: ranks that each hold a shard of the weights of a model too large for one (ours).

Every rank keeps its shard of weights, gradients, EMA and optimiser state; the weights of a unit are gathered when it
runs. A model names its units in ``_no_split_modules`` (diffusers' name) and, in ``entry_points``, the methods that are
called in place of ``forward``.
"""

import warnings
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import StateDictOptions
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard, register_fsdp_forward_method
from torch.distributed.tensor import DTensor, distribute_tensor

WHOLE = StateDictOptions(full_state_dict=True, cpu_offload=True, flatten_optimizer_state_dict=True)
"""Every tensor in one piece on the CPU of the main rank, by its name in the model; the others get none."""
LOCAL = StateDictOptions(flatten_optimizer_state_dict=True)
"""Every tensor, or this rank's shard of it, by its name in the model."""


def shard(model: nn.Module, *, precision: str) -> None:
    """Split the weights over all ranks, in place; before an optimiser is made for them.

    In bf16 weights are gathered in bf16, gradients are summed in fp32, and inputs stay as they are: times need fp32.
    """
    # It warns of outputs that are views, lest somebody writes into them; nothing here writes in place.
    warnings.filterwarnings("ignore", message="FSDP2-wrapped module .* returned a view tensor")
    policy = MixedPrecisionPolicy(cast_forward_inputs=False)
    if precision == "bf16":
        policy = MixedPrecisionPolicy(torch.bfloat16, torch.float32, cast_forward_inputs=False)
    units = set(getattr(model, "_no_split_modules", None) or ())
    for module in list(model.modules()):
        if type(module).__name__ in units:
            fully_shard(module, mp_policy=policy)
    fully_shard(model, mp_policy=policy)
    for name in getattr(model, "entry_points", ()):
        register_fsdp_forward_method(model, name)


def sharded_like(tensors: Mapping[str, Tensor], own: Mapping[str, Any]) -> dict[str, Tensor]:
    """Tensors in one piece, cut to this rank's shards wherever its own of that name is one. All ranks call it."""

    def cut(tensor: Tensor, like: Any) -> Tensor:
        if isinstance(like, DTensor) and not isinstance(tensor, DTensor):
            return distribute_tensor(tensor.to(like.device), like.device_mesh, like.placements)
        return tensor

    return {name: cut(tensor, own.get(name)) for name, tensor in tensors.items()}


def unsharded(tensor: Tensor) -> Tensor:
    """A value that may be spread over the ranks, as each of them sees it."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor
