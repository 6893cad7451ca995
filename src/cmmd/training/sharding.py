"""FSDP2: shards a model that is too large for one rank over all ranks (ours).

Every rank holds its shard of weights, gradients, EMA and optimiser state. The weights of a unit are gathered when the
unit runs. A model lists the classes of its units in ``_no_split_modules`` (diffusers' name), and the methods that are
called instead of ``forward`` in ``entry_points``.
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
"""Options for unsharded tensors on the CPU of the main rank, keyed by name in the model. Other ranks get no tensors."""
LOCAL = StateDictOptions(flatten_optimizer_state_dict=True)
"""Options for the tensors of this rank (shards where the model is sharded), keyed by name in the model."""


def shard(model: nn.Module, *, precision: str) -> None:
    """Shard the weights over all ranks, in place. Call it before the optimiser is created.

    With `bf16`, weights are gathered in bf16 and gradients are reduced in fp32. Inputs are not cast, because times need
    fp32.
    """
    # FSDP2 warns that in-place writes to an output that is a view are unsafe. No code here writes to outputs in place.
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
    """Shards `tensors` as the tensors of the same names in `own` are sharded. Tensors that are already sharded, or that
    `own` does not shard, are returned unchanged. All ranks must call it."""

    def cut(tensor: Tensor, like: Any) -> Tensor:
        if isinstance(like, DTensor) and not isinstance(tensor, DTensor):
            return distribute_tensor(tensor.to(like.device), like.device_mesh, like.placements)
        return tensor

    return {name: cut(tensor, own.get(name)) for name, tensor in tensors.items()}


def unsharded(tensor: Tensor) -> Tensor:
    """The full tensor, gathered over the ranks if it is sharded. All ranks must call it."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor
