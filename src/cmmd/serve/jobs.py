"""The queue of the page: one job at a time, a limited number that wait, any of them can be cancelled (ours)."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from cmmd.errors import InputError
from cmmd.serve.generating import Cancelled, Generation
from cmmd.serve.stages import Stage

LOGGER = logging.getLogger(__name__)
DEFECT = "the server failed on this request; its log says why. Other requests are not affected"
Work = Callable[["Job"], Generation]
Answer = TypeVar("Answer")


@dataclass(eq=False, slots=True)
class Job:
    """A request of one session. stage: what it does at the moment; None while it waits. error: one line for the
    user. ended: set when it is finished, cancelled or failed."""

    session: str
    stage: Stage | None = None
    result: Generation | None = None
    error: str | None = None
    cancelled: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)


class Jobs:
    """Runs jobs one after the other in a thread. A session has one unfinished job at most."""

    def __init__(self, *, waiting: int) -> None:
        self._most, self._open, self._lock = waiting + 1, list[Job](), threading.Lock()
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="cmmd-serve")

    def submit(self, session: str, work: Work) -> Job:
        """Adds a job at the end of the queue. Raises InputError if the queue is full or the session has a job."""
        job = Job(session)
        with self._lock:
            if any(other.session == session for other in self._open):
                raise InputError("this page has a request already: wait for its end, or cancel it")
            if len(self._open) >= self._most:
                raise InputError(f"the queue is full ({self._most - 1} wait): try again in a moment")
            self._open.append(job)
        self._worker.submit(self._run, job, work)
        return job

    def ahead(self, job: Job) -> int:
        """Number of jobs that end before this one begins; 0 if it runs or has ended."""
        with self._lock:
            return self._open.index(job) if job in self._open else 0

    def cancel(self, session: str) -> None:
        """Ends the session's job at its next step, or before it begins."""
        with self._lock:
            found = [job for job in self._open if job.session == session]
            for job in found:
                job.cancelled.set()
                if job is not self._open[0]:  # it has not begun: its place is free at once
                    self._open.remove(job)
                    job.ended.set()

    def close(self) -> None:
        """Cancels all jobs and waits for the one that runs."""
        with self._lock:
            for job in self._open:
                job.cancelled.set()
        self._worker.shutdown(wait=True, cancel_futures=True)

    def _run(self, job: Job, work: Work) -> None:
        try:
            if not job.cancelled.is_set():
                job.result = work(job)
        except Cancelled:
            pass
        except InputError as error:
            job.error = str(error)
        except Exception:
            LOGGER.exception("a request failed")
            job.error = DEFECT
        finally:
            with self._lock:
                if job in self._open:
                    self._open.remove(job)
            job.ended.set()
