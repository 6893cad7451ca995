"""Maps a function over items in processes that may die: if a decoder crashes or hangs, only its file fails (ours)."""

import multiprocessing
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from typing import Generic, NamedTuple, TypeVar

from cmmd.errors import InputError
from cmmd.runtime.processors import processors

Item = TypeVar("Item")
Result = TypeVar("Result")
AHEAD = 2
"""Items per worker that are in progress or not yet consumed; this bounds the memory."""


class Failure(NamedTuple):
    """The reason why an item has no result, in one line."""

    reason: str


def map_in_workers(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    workers: int | None = None,
    seconds: float = 600.0,
) -> Iterator[Result | Failure]:
    """Like `Workers.map`, with processes that are started for these items only."""
    with Workers(function, count=workers, seconds=seconds) as team:
        yield from team.map(items)


class Workers(Generic[Item, Result]):
    """A context manager with `count` processes (default: one per processor) that apply `function`.

    The result is a Failure for an item that raises an exception, takes longer than `seconds`, or ends its process. In
    the last two cases the process is replaced; the other items are not affected. `function` and items must be
    picklable.
    """

    def __init__(self, function: Callable[[Item], Result], *, count: int | None = None, seconds: float = 600.0) -> None:
        self.seconds = seconds
        self._team = [_Worker(function) for _ in range(count or processors())]

    def __enter__(self) -> "Workers[Item, Result]":
        return self

    def __exit__(self, *error: object) -> None:
        for worker in self._team:
            worker.stop()

    def map(self, items: Iterable[Item]) -> Iterator[Result | Failure]:
        """Yields the results in the order of the items. At most `AHEAD` items per worker are drawn ahead of the results
        that are consumed."""
        todo = enumerate(items)
        done: dict[int, Result | Failure] = {}
        given = taken = 0
        more = True
        while more or taken < given:
            for worker in self._team:
                if more and worker.item is None and given - taken < AHEAD * len(self._team):
                    following = next(todo, None)
                    more = following is not None
                    if following is not None:
                        worker.give(*following)
                        given += 1
            done |= self._finished()
            while taken in done:
                yield done.pop(taken)
                taken += 1

    def _finished(self) -> dict[int, Result | Failure]:
        """Waits up to 1 s for a result, if any is due, and returns all new results, by the item's number."""
        busy = [worker for worker in self._team if worker.item is not None]
        if not busy:
            return {}
        wait([worker.connection for worker in busy], timeout=1.0)
        outcomes = [worker.outcome(self.seconds) for worker in busy]
        return {outcome.item: outcome.value for outcome in outcomes if outcome is not None}


@dataclass(frozen=True, slots=True)
class _Outcome(Generic[Result]):
    item: int
    value: Result | Failure


class _Worker(Generic[Item, Result]):
    """One process at the other end of a pipe; it is replaced when it dies."""

    # fork would copy the locks of threads; the fork server has none.
    _context = multiprocessing.get_context("forkserver")

    def __init__(self, function: Callable[[Item], Result]) -> None:
        self.function = function
        self.item: int | None = None
        self._start()

    def _start(self) -> None:
        self.connection, theirs = self._context.Pipe()
        self.process = self._context.Process(target=_serve, args=(theirs, self.function), daemon=True)
        # Ctrl-C reaches all processes of a terminal, but only the parent handles it. SIGINT is blocked here, and the
        # new process inherits that. multiprocessing's resource tracker unblocks SIGINT when it starts, so it is started
        # first.
        resource_tracker.ensure_running()
        unblocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self.process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, unblocked)
        theirs.close()  # only the new process then holds that end, so that its death closes the pipe

    def give(self, number: int, item: Item) -> None:
        if not self.process.is_alive():  # killed while it was idle
            self.stop()
            self._start()
        self.item, self.since = number, time.monotonic()
        self.connection.send(item)

    def outcome(self, seconds: float) -> _Outcome[Result] | None:
        """Returns the outcome of the current item, or None while it is in progress."""
        assert self.item is not None
        if self.connection.poll():
            try:
                value: Result | Failure = self.connection.recv()
            except (EOFError, ConnectionError):
                self.process.join()
                value = self._replaced(f"ended the process that read it ({_ending(self.process.exitcode)})")
        elif time.monotonic() - self.since > seconds:
            value = self._replaced(f"took longer than {seconds:g} s")
        else:
            return None
        number, self.item = self.item, None
        return _Outcome(number, value)

    def _replaced(self, reason: str) -> Failure:
        self.stop()
        self._start()
        return Failure(reason)

    def stop(self) -> None:
        self.connection.close()
        self.process.kill()
        self.process.join()


def _ending(code: int | None) -> str:
    return f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"


def _serve(connection: Connection, function: Callable[[Item], Result]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the parent ends this one
    while True:
        try:
            item = connection.recv()
        except (EOFError, OSError):
            return
        try:
            value: Result | Failure = function(item)
        except InputError as error:
            value = Failure(str(error))
        except Exception as error:  # a defect that one file triggers must not stop a week of work on other files
            value = Failure(f"{type(error).__name__}: {' '.join(str(error).split())}")
        connection.send(value)
