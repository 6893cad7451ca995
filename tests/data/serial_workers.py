"""The work of worker processes in this one: the same results, sooner for a few small files."""

from collections.abc import Iterable, Iterator
from typing import Any

from cmmd.errors import InputError
from cmmd.runtime.worker_processes import Failure, Workers


class SerialWorkers(Workers[Any, Any]):
    """As `Workers`, without processes."""

    def __init__(self, function: Any, *, count: int | None = None, seconds: float = 600.0) -> None:
        self.function = function
        self._team = []

    def map(self, items: Iterable[Any]) -> Iterator[Any]:
        for item in items:
            try:
                yield self.function(item)
            except InputError as error:
                yield Failure(str(error))
