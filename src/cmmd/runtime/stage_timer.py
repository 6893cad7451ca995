"""Measures how long the stages of a generation take on a device that works asynchronously (ours)."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch


class StageTimer:
    """Sums the seconds spent in each named stage. Every reading of the clock waits until the device is idle."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        started = self._now()
        yield
        self.seconds[stage] = self.seconds.get(stage, 0.0) + self._now() - started

    def _now(self) -> float:
        if self.device.type == "mps":
            torch.mps.synchronize()  # there is only one MPS device, and the function takes no argument
        elif self.device.type != "cpu":
            torch.get_device_module(self.device).synchronize(self.device)
        return time.perf_counter()
