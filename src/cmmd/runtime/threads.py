"""Thread settings of a command: one thread per usable processor, and no spinning while threads wait (ours).

torch's CPU kernels run on GNU OpenMP, whose threads wait for each other in a loop that keeps a processor busy for some
milliseconds, hundreds of times a second. If several processes share the processors, these loops block the threads that
they wait for, and a clip takes ten times as long (benchmarks/threads.py). Settings of the user have precedence. All
settings are read when torch is imported, so that only the command line applies them; importing the library does not.
"""

import os
import sys
from collections.abc import Mapping, MutableMapping

from cmmd.runtime.processors import processor_quota, processors

SPINS = "1000"
"""Iterations of that loop before a thread sleeps: about 30 microseconds, the cost of waking it (OpenMP's default is
300,000 iterations). A clip takes no longer if its process runs alone (docs/running.md)."""
COUNT = "OMP_NUM_THREADS"
COUNTS = (COUNT, "MKL_NUM_THREADS")
WAITING = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")


def thread_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """Returns the environment variables that the user has not set: how threads wait and, in a container with a quota,
    how many threads there are."""
    settings = {}
    if not any(name in environment for name in WAITING):
        settings["GOMP_SPINCOUNT"] = SPINS
    # Without a quota torch chooses the number itself. It must not follow the machine's load: results depend on it.
    if not any(name in environment for name in COUNTS) and processor_quota() < (os.cpu_count() or 1):
        settings[COUNT] = str(processors())
    return settings


def settle_threads(environment: MutableMapping[str, str] = os.environ) -> None:
    """Applies `thread_settings`, unless torch has been imported and has already read them."""
    if "torch" not in sys.modules:
        environment.update(thread_settings(environment))


def use_threads(count: int) -> None:
    """Let torch compute with this many threads, in this process and those it starts."""
    os.environ.update(dict.fromkeys(COUNTS, str(count)))
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(count)
