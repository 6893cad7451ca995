"""Where units of work run: the engine, and the processors and GPU of one worker (ours)."""

from dataclasses import dataclass
from typing import Literal

from cmmd.errors import InputError

Engine = Literal["local", "ray"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Placement:
    """cpus: that a Ray worker reserves. threads: that compute in it. device: of its network; a worker on `cuda`
    reserves one GPU. The engine `local` uses none of them. Raises InputError for `cuda:N` with Ray, which chooses the
    GPU of a worker itself."""

    engine: Engine = "local"
    device: str = "cpu"
    cpus: int = 1
    threads: int = 1

    def __post_init__(self) -> None:
        if self.engine == "ray" and self.device.startswith("cuda:"):
            raise InputError.about("--device", found=self.device, expected="cuda: Ray chooses the GPU of each worker")

    @property
    def gpus(self) -> int:
        """Number of GPUs that a Ray worker reserves."""
        return int(self.device == "cuda")

    @property
    def label(self) -> str:
        """What a Ray worker reserves, in words."""
        return f"{self.cpus} CPUs" + " and 1 GPU" * self.gpus


LOCAL = Placement()
