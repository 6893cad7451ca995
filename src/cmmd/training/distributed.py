"""The ranks of a run: one process alone, or those that torchrun started (ours).

All draw from seed and step, so that the same settings mean the same losses for any number of ranks.
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
"""How long a rank waits for the others: the main one may have clips to encode first."""


@dataclass(frozen=True, slots=True)
class Ranks:
    """rank: of this process, among `world_size`. device: where its model lives."""

    rank: int = 0
    world_size: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @classmethod
    def join(cls, device: str = "auto") -> "Ranks":
        """This process's rank, from the variables that torchrun sets; a process without them is alone.

        device: `auto` is a GPU where there is one; under torchrun each rank of a machine gets one of its own. Raises
        InputError for a device that is not there.
        """
        chosen = _device(device)
        if chosen.type == "cuda":
            torch.cuda.set_device(chosen)
        if int(os.environ.get("WORLD_SIZE", 1)) == 1:
            return cls(device=chosen)
        if not dist.is_initialized():
            cuda = chosen.type == "cuda"
            # gloo beside nccl: decisions travel as objects on the CPU.
            dist.init_process_group(
                "cpu:gloo,cuda:nccl" if cuda else "gloo", timeout=TIMEOUT, device_id=chosen if cuda else None
            )
        return cls(rank=dist.get_rank(), world_size=dist.get_world_size(), device=chosen)

    @property
    def is_main(self) -> bool:
        """The one that decides, writes files and shows progress."""
        return self.rank == 0

    def wait(self) -> None:
        """Return when all ranks have called this."""
        if self.world_size > 1:
            dist.barrier()

    @contextmanager
    def main_first(self) -> Iterator[None]:
        """The main rank runs the block before the others do: what it leaves on disk is there for them."""
        if not self.is_main:
            self.wait()
        yield
        if self.is_main:
            self.wait()

    def by_main(self, action: Callable[[], object]) -> None:
        """The main rank acts, the others wait for it; an InputError of it is raised by all, so that none waits on."""
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
        """The main rank's value, for all: ranks that each decide for themselves may go different ways."""
        if self.world_size == 1:
            return value
        values = [value]
        dist.broadcast_object_list(values, src=0, device=torch.device("cpu"))
        return values[0]

    def any(self, value: bool) -> bool:
        """Whether it is true on any rank."""
        return bool(self.summed(torch.tensor(float(value))).item())

    def summed(self, tensor: Tensor) -> Tensor:
        """The sum over all ranks."""
        if self.world_size > 1:
            dist.all_reduce(tensor)
        return tensor

    def leave(self) -> None:
        """End the connection of the ranks; a process alone has none."""
        if self.world_size > 1 and dist.is_initialized():
            dist.destroy_process_group()


def was_restarted() -> bool:
    """Whether torchrun has started this process again after a failure."""
    return int(os.environ.get("TORCHELASTIC_RESTART_COUNT", 0)) > 0


def _device(name: str) -> torch.device:
    """`auto`, or a device by its name."""
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
