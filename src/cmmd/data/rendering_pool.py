"""Procedural data made by as many processes as there are processors, in a fixed order (ours)."""

import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

from cmmd.processors import processors

Job = TypeVar("Job")
Result = TypeVar("Result")


def in_processes(function: Callable[[Job], Result], jobs: Sequence[Job]) -> Iterator[Result]:
    """`function` of every job, in the order of the jobs. `function` must be picklable and should not need torch."""
    # Fork would copy the threads' locks of a process that has used torch; a fresh server has none.
    context = multiprocessing.get_context("forkserver")
    # Ctrl-C goes to all processes of a terminal, and is for the one that started the others.
    deaf = {"initializer": signal.signal, "initargs": (signal.SIGINT, signal.SIG_IGN)}
    with ProcessPoolExecutor(processors(), mp_context=context, **deaf) as pool:
        yield from pool.map(function, jobs, chunksize=8)
