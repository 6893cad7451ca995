"""Draws the batch of the next step in a thread while the GPU computes the current step (ours)."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Batch = TypeVar("Batch")


def batches(draw: Callable[[int], Batch], *, start: int, stop: int, ahead: bool) -> Iterator[Batch]:
    """Yields the batches of steps `start` to `stop - 1` in order.

    ahead: draw each batch in a thread during the previous step; otherwise draw it on demand. Do not draw ahead on a
    CPU: the thread competes with the step for cores and slows it down.
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
