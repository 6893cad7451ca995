"""How fast training is: clips a second, and the share of what this machine's matrix product reaches (ours)."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch.utils.flop_counter import FlopCounterMode, sdpa_backward_flop_count, sdpa_flop_count

from cmmd.training.loop import LoopConfig, StepReport
from cmmd.training.team import Team


def _attention(query, key, value, *_, **__) -> int:
    return sdpa_flop_count(query, key, value)


def _attention_backward(gradient, query, key, value, *_, **__) -> int:
    return sdpa_backward_flop_count(gradient, query, key, value)


# Attention on a CPU is one operation that torch's counter does not know.
_CPU_ATTENTION = {
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention,
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward: _attention_backward,
}


@dataclass(slots=True)
class Throughput:
    """peak: FLOP/s of a large matrix product here, in the precision of training. flops: of this process's part of a
    step, once counted."""

    config: LoopConfig
    team: Team
    peak: float
    flops: int = 0

    @classmethod
    def measured(cls, config: LoopConfig, team: Team) -> "Throughput":
        """Measure the peak: a fraction of a second."""
        dtype = torch.bfloat16 if config.precision == "bf16" else torch.float32
        return cls(config, team, matrix_product_speed(team.device, dtype))

    def counted(self, reports: Iterator[StepReport]) -> Iterator[StepReport]:
        """The reports of a training, with the operations of its first step counted, forward and backward."""
        counter = FlopCounterMode(display=False, custom_mapping=_CPU_ATTENTION)
        # Compiled blocks run uncompiled in this step: the counter sees operations, not kernels.
        with torch.compiler.set_stance("force_eager"), counter:
            first = next(reports, None)
        self.flops = counter.get_total_flops()
        if first is not None:
            yield first
        yield from reports

    def of(self, reports: list[StepReport]) -> dict[str, float]:
        """Mean over some steps: clips a second of all processes, and the share of the peak."""
        seconds = sum(report.seconds for report in reports) / len(reports)
        return {
            "clips_per_second": round(self.config.batch_size / seconds, 3),
            "share_of_peak": round(self.flops / seconds / self.peak, 4),
        }


def matrix_product_speed(device: torch.device, dtype: torch.dtype) -> float:
    """FLOP/s of the fastest of a few products of two square matrices."""
    size = 8192 if device.type == "cuda" else 1024
    a, b = (torch.ones(size, size, device=device, dtype=dtype) for _ in range(2))
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
