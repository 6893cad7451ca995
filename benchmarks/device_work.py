"""Counts the kernels, host reads and copies of a piece of code: without a device, or measured on a GPU.

Without a GPU, operations are counted as torch dispatches them, on tensors without values (FakeTensorMode). An operation
that is neither a view nor bookkeeping counts as one kernel. Eager mode launches about as many, apart from fused ones.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile, record_function
from torch.utils._python_dispatch import TorchDispatchMode

HOST_READS = {"_local_scalar_dense", "nonzero", "is_nonzero", "equal", "masked_select", "unique_dim", "_unique2"}
"""Operations for which the host waits until the device returns a number, a truth value or a size."""
NO_KERNEL = {"detach", "alias", "empty", "empty_like", "new_empty", "empty_strided", "new_empty_strided", "lift_fresh"}
LAUNCHES = ("cudaLaunchKernel", "cudaLaunchKernelExC", "cuLaunchKernel", "cuLaunchKernelEx")
WAITS = ("cudaStreamSynchronize", "cudaDeviceSynchronize", "cudaEventSynchronize")
MEASURED = "measured"
NAMESPACES = {"prim", "profiler", "prims"}
"""Namespaces of bookkeeping operations, which are not kernels."""


@dataclass(slots=True)
class DeviceWork:
    """Counts: kernels launched, host_reads (times the host waits for the device), memory copies, and operations by
    name, if counted by dispatch."""

    kernels: int = 0
    host_reads: int = 0
    copies: int = 0
    operations: Counter[str] = field(default_factory=Counter)


class Dispatched(TorchDispatchMode):
    """Counts the operations that are dispatched inside this context."""

    def __init__(self) -> None:
        super().__init__()
        self.work = DeviceWork()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        namespace, name = func._schema.name.split("::")
        if name in HOST_READS or (name == "index" and _has_mask(args)):
            self.work.host_reads += 1
        if namespace not in NAMESPACES and name not in NO_KERNEL and not func.is_view:
            self.work.kernels += 1
            self.work.operations[name] += 1
        return func(*args, **(kwargs or {}))


def _has_mask(args: Any) -> bool:
    """Whether an index is a mask: the host then waits for the number of selected values."""
    return any(isinstance(index, torch.Tensor) and index.dtype == torch.bool for index in args[1])


def dispatched(run: Callable[[], object]) -> DeviceWork:
    """Returns the work of `run`, counted by dispatch."""
    with Dispatched() as mode:
        run()
    return mode.work


def launched(run: Callable[[], object]) -> DeviceWork:
    """Returns the work of `run` on a GPU, measured with the CUDA profiler. Call `run` once before, as a warm-up."""
    torch.cuda.synchronize()
    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as profiler, record_function(MEASURED):
        run()
    events = list(profiler.events() or ())
    (measured,) = (event for event in events if event.name == MEASURED and str(event.device_type).endswith("CPU"))
    # The profiler waits for the device too when it ends; events after the measurement are excluded.
    names: Counter[str] = Counter(
        str(event.name) for event in events if event.time_range.start < measured.time_range.end
    )
    return DeviceWork(
        kernels=sum(names[name] for name in LAUNCHES),
        host_reads=sum(names[name] for name in WAITS),
        copies=names["cudaMemcpyAsync"],
    )
