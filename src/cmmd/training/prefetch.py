"""The next step's batch is made in a thread while the device works on this one (ours)."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Batch = TypeVar("Batch")


def prefetched(draw: Callable[[int], Batch], *, start: int, stop: int) -> Iterator[Batch]:
    """The batches of steps `start` to `stop` in order, one ahead. An error of `draw` is raised at its step."""
    with ThreadPoolExecutor(1, thread_name_prefix="batches") as pool:
        upcoming = pool.submit(draw, start) if start < stop else None
        for step in range(start, stop):
            assert upcoming is not None
            batch = upcoming.result()
            upcoming = pool.submit(draw, step + 1) if step + 1 < stop else None
            yield batch
