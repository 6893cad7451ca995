"""The ranks of a run: a single process, or the processes that torchrun started (ours).

All ranks draw from seed and step, so that the same settings give the same losses for any number of ranks.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from cmmd.errors import InputError

Value = TypeVar("Value")
TIMEOUT = timedelta(minutes=30)
"""Timeout of a rank that waits for the others. It is long because the main rank may have to encode clips first."""


@dataclass(frozen=True, slots=True)
class Ranks:
    """rank: rank of this process. world_size: number of ranks. device: device of this rank's model."""

    rank: int = 0
    world_size: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @classmethod
    def join(cls, device: str = "auto") -> "Ranks":
        """Join the process group from the environment variables that torchrun sets. Without them the world size is 1.

        device: `cpu`, `cuda`, `cuda:N`, or `auto` for a GPU if there is one. `auto` and `cuda` use GPU number
        LOCAL_RANK, so that under torchrun each rank of a machine has a different GPU. Raises InputError if the device
        is not available.
        """
        chosen = _device(device)
        if chosen.type == "cuda":
            torch.cuda.set_device(chosen)
        if int(os.environ.get("WORLD_SIZE", 1)) == 1:
            return cls(device=chosen)
        if not dist.is_initialized():
            cuda = chosen.type == "cuda"
            # gloo in addition to nccl: `decided` broadcasts objects on the CPU.
            dist.init_process_group(
                "cpu:gloo,cuda:nccl" if cuda else "gloo", timeout=TIMEOUT, device_id=chosen if cuda else None
            )
        return cls(rank=dist.get_rank(), world_size=dist.get_world_size(), device=chosen)

    @property
    def is_main(self) -> bool:
        """Whether this is rank 0, which makes decisions, writes files and shows progress."""
        return self.rank == 0

    def wait(self) -> None:
        """Wait until all ranks have called this."""
        if self.world_size > 1:
            dist.barrier()

    @contextmanager
    def main_first(self) -> Iterator[None]:
        """The main rank runs the block first, so that the other ranks find its files on disk."""
        if not self.is_main:
            self.wait()
        yield
        if self.is_main:
            self.wait()

    def by_main(self, action: Callable[[], object]) -> None:
        """Run `action` on the main rank while the other ranks wait. All ranks raise its InputError, if any, so that no
        rank waits forever."""
        problem = None
        if self.is_main:
            try:
                action()
            except InputError as error:
                problem = error
        problem = self.decided(problem)
        if problem is not None:
            raise problem

    def decided(self, value: Value) -> Value:
        """The main rank's value, on all ranks. Ranks that decided separately could diverge."""
        if self.world_size == 1:
            return value
        values = [value]
        dist.broadcast_object_list(values, src=0, device=torch.device("cpu"))
        return values[0]

    def any(self, value: bool) -> bool:
        """Whether `value` is True on any rank. All ranks must call it."""
        return bool(self.summed(torch.tensor(float(value))).item())

    def summed(self, tensor: Tensor) -> Tensor:
        """The sum over all ranks, in place. All ranks must call it."""
        if self.world_size > 1:
            dist.all_reduce(tensor)
        return tensor

    def leave(self) -> None:
        """Destroy the process group, if there is one."""
        if self.world_size > 1 and dist.is_initialized():
            dist.destroy_process_group()


def was_restarted() -> bool:
    """Whether torchrun has restarted this process after a failure."""
    return int(os.environ.get("TORCHELASTIC_RESTART_COUNT", 0)) > 0


def _device(name: str) -> torch.device:
    """The device for `auto` or a device name. Raises InputError if it is not an available CPU or CUDA device."""
    try:
        device = torch.device(name) if name != "auto" else torch.device("cuda" if torch.cuda.is_available() else "cpu")
        if device.type not in ("cpu", "cuda"):
            raise RuntimeError("nothing is trained there")
        if device.type == "cuda" and device.index is None:
            device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).strip().splitlines()[0][:200]
        raise InputError(f"device {name!r}: {reason}, expected cpu, cuda or cuda:N of this machine") from error
    return device
