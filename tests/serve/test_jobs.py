"""The queue: one job at a time in order, a limit, cancellation at any time, defects that stay inside."""

import logging
import threading
from collections.abc import Iterator

import pytest

from cmmd.errors import InputError
from cmmd.serve.generating import Cancelled, Generation
from cmmd.serve.jobs import DEFECT, Job, Jobs

RESULT = object.__new__(Generation)


class Gate:
    """Work that runs until it is opened or cancelled."""

    def __init__(self) -> None:
        self.opened, self.started = threading.Event(), threading.Event()
        self.running = self.most_running = 0

    def work(self, job: Job) -> Generation:
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        self.started.set()
        try:
            while not self.opened.wait(0.01):
                if job.cancelled.is_set():
                    raise Cancelled
        finally:
            self.running -= 1
        return RESULT


@pytest.fixture
def jobs() -> Iterator[Jobs]:
    jobs = Jobs(waiting=2)
    yield jobs
    jobs.close()


def ended(job: Job) -> bool:
    return job.ended.wait(20)


def test_jobs_run_one_after_the_other_in_order(jobs):
    gate, order = Gate(), []

    def work(job):
        gate.work(job)
        order.append(job.session)
        return RESULT

    submitted = [jobs.submit(name, work) for name in "abc"]
    assert gate.started.wait(20) and [jobs.ahead(job) for job in submitted] == [0, 1, 2]
    gate.opened.set()
    assert all(ended(job) for job in submitted) and order == ["a", "b", "c"] and gate.most_running == 1
    assert [jobs.ahead(job) for job in submitted] == [0, 0, 0]


def test_a_full_queue_and_a_second_job_of_a_session_are_refused(jobs):
    gate = Gate()
    for name in "abc":
        jobs.submit(name, gate.work)
    with pytest.raises(InputError, match=r"the queue is full \(2 wait\)"):
        jobs.submit("d", gate.work)
    jobs.cancel("c")  # it waits: its place is free at once
    last = jobs.submit("d", gate.work)
    with pytest.raises(InputError, match="this page has a request already"):
        jobs.submit("a", gate.work)
    gate.opened.set()
    assert ended(last) and last.error is None


def test_cancelling_ends_a_job_that_runs_and_one_that_waits(jobs):
    gate = Gate()
    runs, waits, stays = (jobs.submit(name, gate.work) for name in "abc")
    assert gate.started.wait(20)
    jobs.cancel("b")
    assert waits.ended.is_set() and jobs.ahead(stays) == 1
    jobs.cancel("a")
    assert ended(runs) and not stays.ended.is_set()
    gate.opened.set()
    assert ended(stays) and [job.error for job in (runs, waits, stays)] == [None] * 3


def test_a_bad_input_is_its_line_and_a_defect_a_plain_one_and_the_queue_goes_on(jobs, caplog):
    def bad(job):
        raise InputError("clip.mp4: found nothing, expected a clip")

    def defect(job):
        raise RuntimeError("/secret/path")

    with caplog.at_level(logging.ERROR):
        first, second, third = jobs.submit("a", bad), jobs.submit("b", defect), jobs.submit("c", lambda job: RESULT)
        assert all(ended(job) for job in (first, second, third))
    assert first.error == "clip.mp4: found nothing, expected a clip"
    assert second.error == DEFECT and "/secret/path" in caplog.text
    assert third.error is None and third.result is RESULT


def test_closing_cancels_everything():
    jobs, gate = Jobs(waiting=3), Gate()
    runs, waits = jobs.submit("a", gate.work), jobs.submit("b", gate.work)
    jobs.close()
    assert runs.ended.is_set() and runs.cancelled.is_set() and waits.cancelled.is_set()
