"""FSDP2: processes that share the weights of a model too large for each to hold (ours).

Every process keeps its share of weights, gradients, average and optimiser state; the weights of a unit are gathered
when it runs. A model names its units in ``_no_split_modules`` (diffusers' name) and, in ``entry_points``, the methods
that are called in place of ``forward``.
"""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict
from torch.distributed.fsdp import fully_shard, register_fsdp_forward_method
from torch.distributed.tensor import DTensor, distribute_tensor


def shard(model: nn.Module) -> None:
    """Split the weights over all processes, in place; before an optimiser is made for them."""
    units = set(getattr(model, "_no_split_modules", None) or ())
    for module in list(model.modules()):
        if type(module).__name__ in units:
            fully_shard(module)
    fully_shard(model)
    for name in getattr(model, "entry_points", ()):
        register_fsdp_forward_method(model, name)


def whole_weights(model: nn.Module) -> dict[str, Any]:
    """All weights of a sharded model, on the CPU of the first process; the others take part and get none."""
    return get_model_state_dict(model, options=StateDictOptions(full_state_dict=True, cpu_offload=True))


def shared_like(tensors: Mapping[str, Tensor], own: Mapping[str, Any]) -> dict[str, Tensor]:
    """Tensors in one piece, cut to this process's shares wherever its own of that name is one.

    All processes call it.
    """

    def cut(tensor: Tensor, like: Any) -> Tensor:
        if isinstance(like, DTensor) and not isinstance(tensor, DTensor):
            return distribute_tensor(tensor, like.device_mesh, like.placements)
        return tensor

    return {name: cut(tensor, own.get(name)) for name, tensor in tensors.items()}


def whole(tensor: Tensor) -> Tensor:
    """A value that may be spread over the processes, as each of them sees it."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor
