"""Renders procedural data in one worker process per processor, in a fixed order (ours)."""

import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

from cmmd.runtime.processors import processors

Job = TypeVar("Job")
Result = TypeVar("Result")


def in_processes(function: Callable[[Job], Result], jobs: Sequence[Job]) -> Iterator[Result]:
    """Yields `function(job)` in the order of the jobs. `function` must be picklable and should not need torch."""
    # A fork of a process that has used torch would inherit locks of its threads; a new server has none.
    context = multiprocessing.get_context("forkserver")
    # Ctrl-C signals all processes of a terminal; only the parent process should handle it.
    deaf = {"initializer": signal.signal, "initargs": (signal.SIGINT, signal.SIG_IGN)}
    with ProcessPoolExecutor(processors(), mp_context=context, **deaf) as pool:
        yield from pool.map(function, jobs, chunksize=8)
