"""The seam between a command and its engine: units of work in, their results out (ours: docs/scale.md)."""

from collections.abc import Callable, Generator, Sequence
from typing import TypeVar

from cmmd.engines.placement import Placement
from cmmd.runtime.worker_processes import Failure

Unit = TypeVar("Unit")
Result = TypeVar("Result")


def run_units(
    load: Callable[[], Callable[[Unit], Result]], units: Sequence[Unit], placement: Placement
) -> Generator[tuple[Unit, Result | Failure], None, None]:
    """Yields every unit with its result: in the given order by the engine `local`, as they are finished by `ray`.

    load: called once per worker, returns the function that is applied to the units. With Ray it runs in other
    processes, perhaps on other machines: `load`, units and results are pickled, and the function may run twice for a
    unit whose worker died. The result is a Failure for a unit whose workers keep dying. An exception of `load` or of
    the function is raised here and ends the run. Raises InputError if there is no Ray, no cluster or no place in it.
    """
    if not units:
        return
    if placement.engine == "local":
        function = load()
        for unit in units:
            yield unit, function(unit)
    else:
        from cmmd.engines.ray_connection import ray_cluster
        from cmmd.engines.ray_workers import map_on_ray

        with ray_cluster():
            yield from map_on_ray(load, units, placement)
