"""Connects to the Ray cluster of RAY_ADDRESS, or starts one on this machine for the length of a run (ours)."""

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from cmmd.errors import InputError
from cmmd.runtime.processors import processors

ADDRESS = "RAY_ADDRESS"
ANSWERS_WITHIN = 60.0
"""Seconds within which the cluster of RAY_ADDRESS must answer; a busy machine needs many. Ray itself waits for minutes
and then ends the process."""
CONNECTS_WITHIN = 10.0
"""Seconds within which its port must accept a connection."""
USAGE = "RAY_USAGE_STATS_ENABLED"
"""Ray reports its use to its makers unless this variable is 0."""


@contextmanager
def ray_cluster() -> Iterator[None]:
    """Connects for the length of a block; a connection that exists is used and stays.

    Raises InputError if Ray is not installed, or the cluster of RAY_ADDRESS does not answer.
    """
    os.environ.setdefault(USAGE, "0")
    ray = _imported()
    if ray.is_initialized():
        yield
        return
    address = os.environ.get(ADDRESS, "")
    where: dict[str, Any] = {"address": address}
    if address in ("", "local"):
        where = {"address": "local", "num_cpus": processors(), "include_dashboard": False}
    else:
        _require_answer(address)
    handler = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(**where, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise _unreachable(address, " ".join(str(error).split())) from error
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, handler)  # Ray's own would end the process without a line
    try:
        yield
    finally:
        ray.shutdown()


def _imported() -> Any:
    try:
        import ray
    except ImportError as error:
        expected = 'the extra: pip install "./[cluster]" in a checkout'
        raise InputError.about("--engine ray", found=f"no Ray ({error})", expected=expected) from error
    # Ray prints pages of a dead node's log to stdout, between the lines of the command, and has no option against it.
    with suppress(ImportError):
        from ray._private import worker

        setattr(worker, "print_to_stdstream", lambda *_, **__: None)  # noqa: B010 - not declared
    return ray


def _require_answer(address: str) -> None:
    """Raises InputError unless a cluster answers. `ray health-check` runs in a process that can be ended."""
    if address.startswith("ray://"):
        raise _unreachable(address, "an address of Ray Client")
    host, _, port = address.rpartition(":")
    if port.isdecimal():  # `auto` has none
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECTS_WITHIN).close()
        except (OSError, OverflowError) as error:
            raise _unreachable(address, f"no answer ({error})") from error
    command = [sys.executable, "-m", "ray.scripts.scripts", "health-check", "--address", address]
    try:
        subprocess.run(command, capture_output=True, timeout=ANSWERS_WITHIN, check=True)
    except subprocess.TimeoutExpired as error:
        raise _unreachable(address, f"no answer within {ANSWERS_WITHIN:g} s") from error
    except subprocess.CalledProcessError as error:
        lines = error.stderr.decode(errors="replace").strip().splitlines()
        raise _unreachable(address, f"no answer ({lines[-1] if lines else 'no reason'})") from error


def _unreachable(address: str, found: str) -> InputError:
    return InputError.about(
        f"{ADDRESS}={address or 'local'}", found=found, expected="HOST:PORT of the head of a Ray cluster"
    )
