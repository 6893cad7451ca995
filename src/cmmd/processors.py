"""How many processors this process may use: those it is bound to, within the quota of its container (ours)."""

import math
import os
from pathlib import Path, PurePosixPath

CONTROL_GROUPS = Path("/sys/fs/cgroup")
OWN_GROUP = Path("/proc/self/cgroup")


def processors() -> int:
    """At least 1. os.cpu_count() tells of the whole machine, whatever a container may use of it."""
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, math.ceil(min(bound, processor_quota())))


def processor_quota(groups: Path = CONTROL_GROUPS, own: Path = OWN_GROUP) -> float:
    """Processors' worth of time that the control group of this process and those above it leave it (version 2: cpu.max;
    of version 1 the container's own); infinite without a limit, or where there are no such groups."""
    try:
        lines = own.read_text().splitlines()
    except (OSError, ValueError):
        return math.inf
    paths = [PurePosixPath(line.removeprefix("0::")) for line in lines if line.startswith("0::/")]
    if not paths or ".." in paths[0].parts:  # a group outside of what this container sees
        paths = [PurePosixPath("/")]
    above = (groups / group.relative_to("/") / "cpu.max" for group in (paths[0], *paths[0].parents))
    first = (groups / "cpu" / name for name in ("cpu.cfs_quota_us", "cpu.cfs_period_us"))
    return min(_quota(*first), *(_quota(file) for file in above))


def _quota(*files: Path) -> float:
    """Of `max 100000` or `150000 100000`: microseconds of work in each period; -1 in version 1 is no limit."""
    try:
        work, period = " ".join(file.read_text() for file in files).split()
        return math.inf if work in ("max", "-1") else int(work) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return math.inf
