"""Threads of a command: as many as there are processors to use, and none that waits by spinning (ours).

torch's CPU kernels run on GNU OpenMP, whose threads wait for each other in a loop that keeps a processor busy for some
milliseconds, hundreds of times a second. Where several processes share the processors, what they wait for cannot run
meanwhile, and a clip takes ten times as long (benchmarks/threads.py). Settings of the user stay as they are; all are
read when torch is imported, so that this is for the command line, and never done when the library is imported.
"""

import os
import sys
from collections.abc import Mapping, MutableMapping

from cmmd.processors import processor_quota, processors

SPINS = "1000"
"""Turns of that loop before a thread sleeps: some 30 microseconds, which is what waking it costs (OpenMP's own choice
is 300,000). Alone a clip takes no longer (docs/running.md)."""
COUNT = "OMP_NUM_THREADS"
COUNTS = (COUNT, "MKL_NUM_THREADS")
WAITING = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")


def thread_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """Variables that the user has not set: how threads wait and, in a container with a quota, how many there are."""
    settings = {}
    if not any(name in environment for name in WAITING):
        settings["GOMP_SPINCOUNT"] = SPINS
    # Without a quota torch counts by itself; the load of the machine must not count, or results would follow from it.
    if not any(name in environment for name in COUNTS) and processor_quota() < (os.cpu_count() or 1):
        settings[COUNT] = str(processors())
    return settings


def settle_threads(environment: MutableMapping[str, str] = os.environ) -> None:
    """Apply `thread_settings`, unless torch has been imported and has settled them."""
    if "torch" not in sys.modules:
        environment.update(thread_settings(environment))


def use_threads(count: int) -> None:
    """Let torch compute with this many threads, in this process and those it starts."""
    os.environ.update(dict.fromkeys(COUNTS, str(count)))
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(count)
