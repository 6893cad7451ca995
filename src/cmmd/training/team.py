"""The processes of a run: one alone, or those that torchrun started (ours).

All draw from (seed, step, part of the batch): the same configuration means the same losses on any number of them.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.distributed as dist


@dataclass(frozen=True, slots=True)
class Team:
    """rank: of this process among `size`. device: where its model lives."""

    rank: int = 0
    size: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @classmethod
    def join(cls) -> "Team":
        """This process's place, from the variables that torchrun sets; a process without them is alone."""
        cuda = torch.cuda.is_available()
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0))) if cuda else torch.device("cpu")
        if cuda:
            torch.cuda.set_device(device)
        if int(os.environ.get("WORLD_SIZE", 1)) == 1:
            return cls(device=device)
        if not dist.is_initialized():
            # gloo beside nccl: the loss terms of a step travel as objects on the CPU.
            dist.init_process_group("cpu:gloo,cuda:nccl" if cuda else "gloo")
        return cls(rank=dist.get_rank(), size=dist.get_world_size(), device=device)

    @property
    def leads(self) -> bool:
        """The one that writes files and shows progress."""
        return self.rank == 0

    def wait(self) -> None:
        """Until all have come here."""
        if self.size > 1:
            dist.barrier()

    @contextmanager
    def leader_first(self) -> Iterator[None]:
        """The leader runs the block before the others do: what it leaves on disk is there for them."""
        if not self.leads:
            self.wait()
        yield
        if self.leads:
            self.wait()

    def gather(self, value: dict[str, Any]) -> list[dict[str, Any]]:
        """Everyone's value, in the order of ranks."""
        if self.size == 1:
            return [value]
        values: list[Any] = [None] * self.size
        dist.all_gather_object(values, value)
        return values

    def leave(self) -> None:
        """End the processes' connection; a process alone has none."""
        if self.size > 1 and dist.is_initialized():
            dist.destroy_process_group()
