"""What the page does for a session: starts a job, reports it until it ends, cancels it, removes its files (ours)."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from cmmd.errors import InputError
from cmmd.serve.files import ServedFiles, remove
from cmmd.serve.generating import Cancelled, Generation, generate
from cmmd.serve.jobs import Job, Jobs
from cmmd.serve.limits import Limits
from cmmd.serve.order import Order, Task, read_order
from cmmd.serve.player import error_html, result_html
from cmmd.serve.progress_html import stage_html, waiting_html
from cmmd.serve.stages import Stage

if TYPE_CHECKING:
    from cmmd.pipeline import CMMDPipeline

POLL_SECONDS = 0.1


class View(NamedTuple):
    """What a tab shows. progress: HTML, empty if nothing runs. result: HTML; None leaves it as it is."""

    running: bool
    progress: str = ""
    result: str | None = None


@dataclass(frozen=True, slots=True)
class Service:
    """All sessions of a server share one model and one queue."""

    pipeline: "CMMDPipeline"
    files: ServedFiles
    jobs: Jobs
    limits: Limits

    async def run(self, session: str, task: Task, values: dict[str, Any]) -> AsyncIterator[View]:
        """Starts a job for the values of a tab and yields what the tab shows, until the job has ended."""
        try:
            order = read_order(task, values, self.limits)
            job = self.start(session, order)
        except InputError as error:
            yield View(False, result=error_html(str(error)))
            return
        shown = ""
        while not job.ended.is_set():
            html = waiting_html(self.jobs.ahead(job)) if job.stage is None else stage_html(job.stage)
            if html != shown:
                shown = html
                yield View(True, html)
            self.files.use(order.source)  # a job may wait for longer than an upload is retained
            await asyncio.sleep(POLL_SECONDS)
        yield View(False, result=_ended(job))

    def start(self, session: str, order: Order) -> Job:
        """Adds an order to the queue. Raises InputError as `Jobs.submit`."""
        self.files.use(order.source)
        return self.jobs.submit(session, lambda job: self._generate(job, order))

    def close(self, session: str) -> None:
        """Cancels the job of a session that has ended, and removes its results."""
        self.jobs.cancel(session)
        self.files.remove_session(session)

    def _generate(self, job: Job, order: Order) -> Generation:
        def on_stage(stage: Stage) -> None:
            job.stage = stage
            self.files.use(folder, order.source)

        folder = self.files.new_folder(job.session)
        try:
            result = generate(
                self.pipeline,
                order,
                folder,
                longest=self.limits.seconds,
                cancelled=job.cancelled,
                on_stage=on_stage,
            )
            if job.cancelled.is_set():
                raise Cancelled
        except BaseException:
            remove(folder)
            raise
        return result


def _ended(job: Job) -> str | None:
    """Returns the HTML of a job that has ended: its result or its error; None if it was cancelled, which leaves the
    earlier result in place."""
    if job.result is not None:
        return result_html(job.result)
    return None if job.error is None else error_html(job.error)
