"""Training speed: items per second, and the share of the speed of a large matrix product (ours)."""

import copy
import time
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from cmmd.training.distributed import Ranks
from cmmd.training.loop_config import LoopConfig
from cmmd.training.objective import MicroBatch, Objective, moved


@dataclass(slots=True)
class Throughput:
    """Computes the speed figures of a step.

    peak: FLOP/s of a large matrix product on this rank's device, in the precision of training. shadow: copy of the
    model on the meta device, on which FLOPs are counted without affecting training. counted: FLOPs of a micro-batch, by
    the shapes of its tensors.
    """

    config: LoopConfig
    objective: Objective
    ranks: Ranks
    shadow: nn.Module
    peak: float
    counted: dict[Any, int] = field(default_factory=dict)

    @classmethod
    def of(cls, model: nn.Module, objective: Objective, config: LoopConfig, ranks: Ranks) -> "Throughput":
        """For an unsharded model. Measures the peak, which takes a fraction of a second."""
        dtype = torch.bfloat16 if config.execution.precision == "bf16" else torch.float32
        config.allow_tf32()
        peak = matrix_product_speed(ranks.device, dtype)
        return cls(config, objective, ranks, copy.deepcopy(model).to("meta"), peak)

    def figures(self, step: int, seconds: float) -> dict[str, float]:
        """`items_per_second` over all ranks, and `share_of_peak`, the share of the peak that this rank reaches, for a
        step that took `seconds`."""
        flops = self._flops(step) * self.config.execution.micro_batches / self.ranks.world_size
        return {
            "items_per_second": round(self.config.batch_size / seconds, 3),
            "share_of_peak": round(flops / seconds / self.peak, 4),
        }

    def _flops(self, step: int) -> int:
        """FLOPs of the first micro-batch of a step, forward and backward. Counted once for each set of shapes."""
        batch = moved(self.objective.draw(step, MicroBatch(0, self.config.execution.micro_batches)), device="meta")
        shapes = _shapes(batch)
        if shapes not in self.counted:
            self.shadow.train()
            with FlopCounterMode(display=False) as counter:
                self.objective.losses(self.shadow, batch)["loss"].total.backward()
            self.shadow.zero_grad(set_to_none=True)
            self.counted[shapes] = counter.get_total_flops()
        return self.counted[shapes]


def _shapes(batch: Any) -> Any:
    if isinstance(batch, torch.Tensor):
        return tuple(batch.shape)
    return tuple(map(_shapes, batch)) if isinstance(batch, tuple) else None


def matrix_product_speed(device: torch.device, dtype: torch.dtype) -> float:
    """FLOP/s of the fastest of six products of two square matrices."""
    size = 8192 if device.type == "cuda" else 1024
    a, b = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    times = []
    for _ in range(6):
        _finish(device)
        started = time.perf_counter()
        torch.matmul(a, b)
        _finish(device)
        times.append(time.perf_counter() - started)
    return 2 * size**3 / min(times)


def _finish(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
