"""Seconds that the parts of a generation take, on a device that works on while Python goes ahead (ours)."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch


class PartClock:
    """Seconds spent in each named part. A reading waits until the device has done what it was given."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, part: str) -> Iterator[None]:
        started = self._now()
        yield
        self.seconds[part] = self.seconds.get(part, 0.0) + self._now() - started

    def _now(self) -> float:
        if self.device.type == "mps":
            torch.mps.synchronize()  # there is one such device, and its module takes no argument
        elif self.device.type != "cpu":
            torch.get_device_module(self.device).synchronize(self.device)
        return time.perf_counter()
