"""Stages of a generation with the steps that are done and the time left (ours)."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """What a generation does at the moment. done, total: denoising steps of all takes. seconds_left: estimate for all
    remaining steps; None before the second step and after the last."""

    text: str
    done: int = 0
    total: int = 0
    seconds_left: float | None = None

    @property
    def share(self) -> float:
        """Part of the steps that is done, 0 to 1."""
        return self.done / self.total if self.total else 0.0


class StepClock:
    """Counts the denoising steps of all takes and estimates the time left from the mean time of a step."""

    def __init__(self, *, steps: int, takes: int, now: Callable[[], float] = time.monotonic) -> None:
        self._steps, self._takes, self._now = steps, takes, now
        self._done, self._first, self._total = 0, 0.0, steps * takes

    def step(self) -> Stage:
        """Counts one step and returns the stage that it leads to."""
        self._done += 1
        self._total = max(self._total, self._done)  # an inaudible take is generated again, which adds steps
        if self._done == 1:  # the first step is slower than the others, so it is not part of the mean
            self._first = self._now()
        seconds_left = None
        if 1 < self._done < self._total:
            mean = (self._now() - self._first) / (self._done - 1)
            seconds_left = mean * (self._total - self._done)
        take = min((self._done - 1) // self._steps + 1, self._takes)
        of = f" of {self._takes}" if self._takes > 1 else ""
        return Stage(text=f"Take {take}{of}", done=self._done, total=self._total, seconds_left=seconds_left)

    def writing(self, take: int) -> Stage:
        """Returns the stage in which the files of a take, counted from 1, are written."""
        of = f" {take} of {self._takes}" if self._takes > 1 else ""
        return Stage(text=f"Writing take{of}", done=self._total, total=self._total)
