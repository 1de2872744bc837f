"""What becomes of a delivery before anything of it is run."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Final

from loguru import logger

from leveret_actors.service.desk import Desk
from leveret_actors.service.job import Job, Receipt, read
from leveret_actors.service.report import failed, whereabouts
from leveret_actors.service.revocations import Obsolete, Revocations, attempts_key
from leveret_broker.envelope import ClientCaller, SettleTask
from leveret_broker.errors import DecodeError
from leveret_broker.outcome import Cancelled, TimedOut
from leveret_broker.transport import Delivery, Subscription

EARLY: Final = 0.01
"""Seconds by which a task may come too early and is run all the same: timers and clocks are not finer."""


class Intake:
    """Reads deliveries of one service and lets through what is to be run here and now."""

    def __init__(
        self,
        desk: Desk,
        revocations: Revocations,
        *,
        service: str,
        worker: str,
        tasks: Collection[str],
        settle: Callable[[SettleTask, Receipt], None],
        clock: Callable[[], float],
    ) -> None:
        self._desk = desk
        self._revocations = revocations
        self._service = service
        self._worker = worker
        self._tasks = tasks
        self._settle = settle
        self._clock = clock

    async def admit(self, subscription: Subscription, deliveries: Sequence[Delivery]) -> list[Job]:
        """Return the jobs to run; all else is answered, sent on or acknowledged."""
        read_ones = [self._read(delivery, Receipt(subscription, delivery)) for delivery in deliveries]
        jobs = [job for job in read_ones if job is not None and self._is_for_now(job)]
        return await self._desk.calls.admit(await self.still_wanted(jobs))

    async def still_wanted(self, jobs: Sequence[Job]) -> list[Job]:
        """Return those that were neither cancelled nor superseded, and are not over; drop the others."""
        obsolete = await self._revocations.obsolete(
            [(job.task, job.redelivered or job.task.deaths > 0) for job in jobs]
        )
        for job, why in zip(jobs, obsolete, strict=True):
            if why is Obsolete.CANCELLED:
                self._cancel(job)
            elif why is not None:
                self._drop(job, why.value)
        return [job for job, why in zip(jobs, obsolete, strict=True) if why is None]

    def is_cancelled(self, job: Job) -> bool:
        """Drop a job whose cancellation was heard since it was admitted; tell whether it was."""
        heard = self._revocations.heard(attempts_key(job.task), self._clock())
        if heard is not None:
            self._cancel(job, heard.reason)
        return heard is not None

    def _cancel(self, job: Job, reason: str = "") -> None:
        """Drop a cancelled job; a workflow that cancels its task knows, a client waits for an answer."""
        if isinstance(job.task.caller, ClientCaller):
            outcome = Cancelled(whereabouts(job.task, self._worker, reason))
            self._desk.report(job.body, job.task, outcome, job.acknowledge)
        else:
            self._drop(job, Obsolete.CANCELLED.value)

    def _read(self, delivery: Delivery, receipt: Receipt) -> Job | None:
        if not delivery.bodies:  # nothing in it was readable, the transport has dealt with it
            receipt.acknowledge()
            return None
        (body,) = delivery.bodies
        try:
            found = read(body, receipt)
        except DecodeError as error:
            self._desk.bury(body, str(error), receipt.acknowledge)
            return None
        if isinstance(found, Job):
            return found
        if isinstance(found, SettleTask):
            self._settle(found, receipt)
        else:
            self._desk.calls.add(found, receipt)
        return None

    def _is_for_now(self, job: Job) -> bool:
        now, task = self._clock(), job.task
        if task.deadline and task.deadline <= now:
            self._is_late(job)
        elif task.not_before - now > EARLY:  # a rung of the ladder was shorter than the delay
            self._desk.postpone(task, job.body, task.not_before - now, job.acknowledge)
        elif task.service != self._service or task.name not in self._tasks:
            self._refuse(job)
        else:
            return True
        return False

    def _is_late(self, job: Job) -> None:
        """Drop a job that came after its timeout; a workflow has a timer of its own, a client may have gone."""
        if isinstance(job.task.caller, ClientCaller):
            outcome = TimedOut(job.task.timeout, whereabouts(job.task, self._worker))
            self._desk.report(job.body, job.task, outcome, job.acknowledge)
        else:
            self._drop(job, "came after its timeout")

    def _refuse(self, job: Job) -> None:
        task = job.task
        text = (
            f"there is no task {task.service}.{task.name} at {self._worker}; service {self._service} has "
            f"{', '.join(sorted(self._tasks)) or 'no tasks'}: deploy the code that has it, or call one of these"
        )
        bury = partial(self._desk.bury, job.body, text, job.acknowledge)
        self._desk.report(job.body, task, failed(task, "TaskUnknown", text, self._worker, "unknown task"), bury)

    def _drop(self, job: Job, why: str) -> None:
        logger.info("task {} of service {} {}: dropped", job.task.task_id, self._service, why)
        job.acknowledge()
