"""What becomes of a delivery before anything of it is run."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Final

from loguru import logger

from leveret_actors.service.desk import Desk
from leveret_actors.service.job import Job, Receipt, read
from leveret_actors.service.report import failed
from leveret_actors.service.revocations import Revocations, attempts_key
from leveret_broker.errors import DecodeError
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
        clock: Callable[[], float],
    ) -> None:
        self._desk = desk
        self._revocations = revocations
        self._service = service
        self._worker = worker
        self._tasks = tasks
        self._clock = clock

    async def admit(self, subscription: Subscription, deliveries: Sequence[Delivery]) -> list[Job]:
        """Return the jobs to run; all else is answered, sent on or acknowledged."""
        read_ones = [self._read(delivery, Receipt(subscription, delivery)) for delivery in deliveries]
        jobs = [job for job in read_ones if job is not None and self._is_for_now(job)]
        obsolete = await self._revocations.obsolete([(job.task, job.redelivered) for job in jobs])
        for job, is_obsolete in zip(jobs, obsolete, strict=True):
            if is_obsolete:
                self._drop(job, "was cancelled, or its next attempt is under way")
        return [job for job, is_obsolete in zip(jobs, obsolete, strict=True) if not is_obsolete]

    def is_cancelled(self, job: Job) -> bool:
        """Drop a job whose cancellation was heard since it was admitted; tell whether it was."""
        cancelled = self._revocations.heard(attempts_key(job.task), self._clock())
        if cancelled:
            self._drop(job, "was cancelled")
        return cancelled

    def _read(self, delivery: Delivery, receipt: Receipt) -> Job | None:
        if not delivery.bodies:  # nothing in it was readable, the transport has dealt with it
            receipt.acknowledge()
            return None
        (body,) = delivery.bodies
        try:
            return read(body, receipt)
        except DecodeError as error:
            self._desk.bury(body, str(error), receipt.acknowledge)
            return None

    def _is_for_now(self, job: Job) -> bool:
        now, task = self._clock(), job.task
        if task.deadline and task.deadline <= now:  # the caller has a timer of its own
            self._drop(job, "came after its timeout")
        elif task.not_before - now > EARLY:  # a rung of the ladder was shorter than the delay
            self._desk.postpone(job.body, task.not_before - now, job.acknowledge)
        elif task.service != self._service or task.name not in self._tasks:
            self._refuse(job)
        else:
            return True
        return False

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
