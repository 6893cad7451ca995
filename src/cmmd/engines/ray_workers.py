"""Applies a function to units of work in Ray actors, which may die: a unit of a dead worker is run again (ours).

One actor per worker holds the loaded model. It gets one unit at a time, so that the death of a worker is counted
for the unit that it ran, and nothing but the units in progress is in Ray's object store.
"""

import os
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from cmmd.engines.placement import Placement
from cmmd.errors import InputError
from cmmd.runtime.worker_processes import Failure

Unit = TypeVar("Unit")
Result = TypeVar("Result")
ATTEMPTS = 3
"""Number of workers that may die of a unit before it fails."""
PATIENCE = 120.0
"""Seconds without any worker after which the run ends."""
LOOKS_EVERY = 5.0
"""Seconds after which nodes that joined the cluster get workers."""


@dataclass(slots=True)
class _Job:
    """What a worker does. unit: index of its unit; None before it is loaded. placed: it runs on a node."""

    actor: Any
    unit: int | None = None
    placed: bool = False


class RayWorker:
    """The actor. folder: that the names of files are relative to."""

    def __init__(self, folder: str) -> None:
        with suppress(OSError):  # a folder of another machine; absolute names need none
            os.chdir(folder)

    def arrive(self) -> None:
        """Returns as soon as the worker runs."""

    def load(self, load: Callable[[], Callable[[Any], Any]], threads: int) -> None:
        from cmmd.runtime.threads import settle_threads, use_threads

        settle_threads()
        use_threads(threads)
        self.function = load()

    def run(self, unit: Any) -> Any:
        return self.function(unit)


def map_on_ray(
    load: Callable[[], Callable[[Unit], Result]], units: Sequence[Unit], placement: Placement
) -> Iterator[tuple[Unit, Result | Failure]]:
    """See `run_units`. Must be called while Ray is connected."""
    crew = _Crew(load, placement)
    todo, deaths = deque(range(len(units))), Counter[int]()
    try:
        while todo or crew.busy:
            crew.hire(len(todo))
            for job, value in crew.finished(todo, units):
                number = job.unit
                assert number is not None, "loading has no result"
                if not isinstance(value, _Death):
                    yield units[number], value
                    continue
                deaths[number] += 1
                if deaths[number] < ATTEMPTS:
                    todo.appendleft(number)
                else:
                    yield units[number], Failure(f"ended {ATTEMPTS} workers ({value.reason})")
    finally:
        crew.dismiss()


@dataclass(frozen=True, slots=True)
class _Death:
    reason: str


class _Crew:
    """The workers: `jobs` are in progress, by the reference of their result."""

    def __init__(self, load: Callable[[], Callable[[Any], Any]], placement: Placement) -> None:
        import ray

        self.ray, self.placement = ray, placement
        self.load = ray.put(load)
        options = {"num_cpus": placement.cpus, "num_gpus": placement.gpus, "scheduling_strategy": "SPREAD"}
        self.actor = ray.remote(RayWorker).options(**options)
        self.jobs: dict[Any, _Job] = {}
        self.failed_loads = 0
        self.since, self.said_waiting = time.monotonic(), False

    @property
    def busy(self) -> bool:
        return any(job.unit is not None for job in self.jobs.values())

    def hire(self, waiting: int) -> None:
        """Starts workers for waiting units, as many as fit on the nodes. If a worker fits on no node, because one has
        just died, Ray starts it as soon as it fits."""
        coming = sum(job.unit is None for job in self.jobs.values())
        for _ in range(min(waiting - coming, max(1, self._capacity()) - len(self.jobs))):
            actor = self.actor.remote(str(Path.cwd()))
            self.jobs[actor.arrive.remote()] = _Job(actor)

    def _capacity(self) -> int:
        found = 0
        for node in self.ray.nodes():
            if node["Alive"]:
                cpus, gpus = (node["Resources"].get(name, 0) for name in ("CPU", "GPU"))
                fitting = int(cpus // self.placement.cpus)
                found += min(fitting, int(gpus)) if self.placement.gpus else fitting
        return found

    def finished(self, todo: deque[int], units: Sequence[Any]) -> list[tuple[_Job, Any]]:
        """Waits for workers, gives each that is free the next thing to do, and returns the results of units."""
        done, _ = self.ray.wait(list(self.jobs), timeout=LOOKS_EVERY)
        results = []
        for reference in done:
            job = self.jobs.pop(reference)
            value = self._value(reference)
            if job.unit is not None:
                results.append((job, value))
            elif isinstance(value, _Death):
                self._count_failed_load(value)
            elif not job.placed:
                self.jobs[job.actor.load.remote(self.load, self.placement.threads)] = _Job(job.actor, placed=True)
                continue
            else:
                self.failed_loads = 0
            if isinstance(value, _Death):
                self.ray.kill(job.actor)
            elif todo:
                number = todo.popleft()
                self.jobs[job.actor.run.remote(units[number])] = _Job(job.actor, number, placed=True)
        self._lose_patience()
        return results

    def _value(self, reference: Any) -> Any:
        """Returns the result, or a _Death if the worker or its node died. Raises the exception of the function."""
        from ray.exceptions import RayError, RayTaskError

        try:
            return self.ray.get(reference)
        except RayTaskError as error:
            cause: Any = error.cause or error
            if not isinstance(cause, InputError):
                cause.add_note(str(error))  # the traceback in the worker
            raise cause from None
        except RayError as error:
            return _Death(f"{type(error).__name__}: {(str(error) or 'no reason').splitlines()[0]}")

    def _count_failed_load(self, death: _Death) -> None:
        self.failed_loads += 1
        if self.failed_loads >= ATTEMPTS:
            found = f"{ATTEMPTS} workers that ended while they loaded ({death.reason})"
            raise InputError.about("--engine ray", found=found, expected="nodes that can load the model")

    def _lose_patience(self) -> None:
        now = time.monotonic()
        if not self.jobs or any(job.placed for job in self.jobs.values()):
            self.since = now
        elif now - self.since > PATIENCE:
            found = f"no place with {self.placement.label} for {PATIENCE:g} s"
            raise InputError.about("--engine ray", found=found, expected="a node that has one")
        elif now - self.since > LOOKS_EVERY and not self._capacity() and not self.said_waiting:
            self.said_waiting = True
            print(f"cmmd: waiting for a node with {self.placement.label}", file=sys.stderr)

    def dismiss(self) -> None:
        for job in self.jobs.values():
            self.ray.kill(job.actor)
