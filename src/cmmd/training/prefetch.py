"""The next step's batch is made in a thread while a GPU works on this one (ours)."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Batch = TypeVar("Batch")


def batches(draw: Callable[[int], Batch], *, start: int, stop: int, ahead: bool) -> Iterator[Batch]:
    """The batches of steps `start` to `stop` in order, each drawn one step `ahead` or when it is asked for.

    On a CPU drawing ahead only costs: the thread takes part of the cores from the step, which waits for them.
    """
    if not ahead:
        yield from map(draw, range(start, stop))
        return
    with ThreadPoolExecutor(1, thread_name_prefix="batches") as pool:
        upcoming = pool.submit(draw, start) if start < stop else None
        for step in range(start, stop):
            assert upcoming is not None
            batch = upcoming.result()
            upcoming = pool.submit(draw, step + 1) if step + 1 < stop else None
            yield batch
