"""Number of processors that this process may use: its CPU affinity, limited by its container's quota (ours)."""

import math
import os
from pathlib import Path, PurePosixPath

CONTROL_GROUPS = Path("/sys/fs/cgroup")
OWN_GROUP = Path("/proc/self/cgroup")


def processors() -> int:
    """Returns the number, at least 1. os.cpu_count() counts the whole machine, even if a container may use less."""
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, math.ceil(min(bound, processor_quota())))


def processor_quota(groups: Path = CONTROL_GROUPS, own: Path = OWN_GROUP) -> float:
    """Returns the CPU quota in processors: the smallest of this process's control group and its ancestors (version 2:
    cpu.max; version 1: only the container's own group). Infinite without a limit or without control groups."""
    try:
        lines = own.read_text().splitlines()
    except (OSError, ValueError):
        return math.inf
    paths = [PurePosixPath(line.removeprefix("0::")) for line in lines if line.startswith("0::/")]
    if not paths or ".." in paths[0].parts:  # the group is outside the container's view
        paths = [PurePosixPath("/")]
    above = (groups / group.relative_to("/") / "cpu.max" for group in (paths[0], *paths[0].parents))
    first = (groups / "cpu" / name for name in ("cpu.cfs_quota_us", "cpu.cfs_period_us"))
    return min(_quota(*first), *(_quota(file) for file in above))


def _quota(*files: Path) -> float:
    """Parses `max 100000` or `150000 100000`: microseconds of CPU time per period of so many microseconds. `max`, or -1
    in version 1, means no limit. Files that cannot be read or parsed give infinity."""
    try:
        work, period = " ".join(file.read_text() for file in files).split()
        return math.inf if work in ("max", "-1") else int(work) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return math.inf
