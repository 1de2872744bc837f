"""How a task ends: what follows is sent and confirmed; under a lease it is stored before, and then the lease goes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import Final

import msgspec
from loguru import logger

from leveret_actors import faults
from leveret_actors.service.desk import Desk, Done, next_attempt
from leveret_actors.service.job import Job
from leveret_actors.service.keeping import LeaseKeeper
from leveret_actors.service.report import report
from leveret_actors.service.telling import TaskTeller
from leveret_actors.service.verdict import Forget, GoesBack, StaysOpen, Tell, TryAgain, Verdict, Waits
from leveret_actors.store.contract import Outgoing
from leveret_broker.envelope import Task, encode
from leveret_broker.outcome import Failed, status_of

LOCKED_SECONDS: Final = 10.0
"""How long a task waits whose payloads cannot be read or written."""
YEAR: Final = 365 * 86_400.0
"""How long a delegated task without a timeout stays open, in seconds."""


class Closing:
    """Ends the tasks of one service; `closed` is called with each once nothing of it can be lost any more."""

    def __init__(
        self,
        desk: Desk,
        keeper: LeaseKeeper,
        closed: Callable[[Job], None],
        teller: TaskTeller,
        *,
        worker: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._desk = desk
        self._keeper = keeper
        self._closed = closed
        self._teller = teller
        self._worker = worker
        self._clock = clock
        self._open: set[asyncio.Task[None]] = set()

    def conclude(self, job: Job, verdict: Verdict) -> None:
        """Do what follows from how an attempt ended."""
        job.over = True
        if isinstance(verdict, Waits):
            job.comes_again = True
            text = "task {} of service {} waits {:g} s: {}"
            logger.error(text, job.task.task_id, job.task.service, LOCKED_SECONDS, verdict.why)
        self._teller.over(job, verdict)
        if job.holding is not None:
            task = asyncio.create_task(self._close(job, verdict), name=f"ends {job.task.task_id}")
            self._open.add(task)
            task.add_done_callback(self._ended)
        elif not isinstance(verdict, GoesBack):  # that goes with its delivery
            self._send(job, verdict, partial(self._teller.when_told, job, partial(self._settle, job)))

    def bury(self, job: Job, reason: str) -> None:
        """Make a dead letter of a job whose end cannot be handled."""
        job.over = True
        self._desk.bury(job.body, reason, partial(self._buried, job))

    async def settle(self) -> None:
        """Wait until all is stored and sent."""
        while self._open:
            await asyncio.wait(self._open)

    def cancel(self) -> None:
        """Leave the rest to whoever finds the leases."""
        for task in tuple(self._open):
            task.cancel()

    async def _close(self, job: Job, verdict: Verdict) -> None:
        if isinstance(verdict, StaysOpen):
            faults.reached("before-delegation")
            await self._keeper.open(job, open_for(job.task, self._clock()))
            faults.reached("after-delegation")
            self._settle(job)
            return
        await self._told(job)
        held = await self._keeper.settled(job)
        if isinstance(verdict, GoesBack) and not held:
            return  # with its delivery
        parcel = self._parcel(job, verdict) if held else None
        if parcel is not None:
            mine = await self._keeper.finish(job, parcel, returns=isinstance(verdict, GoesBack | Waits))
            faults.reached("after-finish")
            if not mine and not _is_result(verdict):
                verdict = Forget()
        confirmed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._send(job, verdict, partial(_confirm, confirmed))
        await confirmed
        faults.reached("after-tell")
        self._keeper.end(job, ended_as(verdict), told=isinstance(verdict, Tell))
        self._settle(job)

    async def _told(self, job: Job) -> None:
        """Wait until the broker has the events of a job: under a lease somebody else may send what follows."""
        told: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._teller.when_told(job, partial(_confirm, told))
        await told

    def _send(self, job: Job, verdict: Verdict, done: Done) -> None:
        """Send what follows; `done` is called once the broker holds it."""
        if isinstance(verdict, Tell):
            self._desk.report(job.body, job.task, verdict.outcome, done)
        elif isinstance(verdict, TryAgain):
            self._desk.retry(job.envelope, job.task, done, verdict=verdict, meta=job.meta, progress=job.progress)
        elif isinstance(verdict, GoesBack | Waits):
            self._desk.postpone(job.task, returned(job), _pause(verdict), done)
        else:
            assert isinstance(verdict, Forget)
            done()

    def _buried(self, job: Job) -> None:
        if job.holding is not None:
            self._keeper.end(job, "failed", told=True)
        self._settle(job)

    def _settle(self, job: Job) -> None:
        job.settled = True
        if job.lost and job.ended_without_lease:
            self._keeper.end(job, "completed", told=True)
        self._closed(job)

    def _parcel(self, job: Job, verdict: Verdict) -> Outgoing | None:
        """Return what follows, as somebody else could send it."""
        if isinstance(verdict, GoesBack | Waits):
            return Outgoing(job.task.queue, returned(job), _pause(verdict))
        if isinstance(verdict, Tell):
            sending = report(job.task, verdict.outcome, self._worker, self._clock())
            return None if sending is None else Outgoing(*sending)
        if isinstance(verdict, TryAgain):
            now = self._clock()
            again = next_attempt(job.task, verdict, now, job.meta, job.progress)
            body = encode(msgspec.structs.replace(job.envelope, message=again, sent=now))
            return Outgoing(job.task.queue, body, verdict.delay)
        return None

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._open.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.opt(exception=error).error(
                "{}: its end could not be handled, its lease will be over", task.get_name()
            )


def _is_result(verdict: Verdict) -> bool:
    """Tell whether it counts, whoever goes on with the task: a failure does not, somebody may do better."""
    return isinstance(verdict, Tell) and not isinstance(verdict.outcome, Failed)


def _confirm(confirmed: asyncio.Future[None]) -> None:
    if not confirmed.done():  # it may be that nobody waits any more
        confirmed.set_result(None)


def _pause(verdict: GoesBack | Waits) -> float:
    return LOCKED_SECONDS if isinstance(verdict, Waits) else 0.0


def returned(job: Job) -> bytes:
    """Return the task as the next worker gets it."""
    if job.progress == job.task.progress:
        return job.body
    task = msgspec.structs.replace(job.task, progress=job.progress)
    return encode(msgspec.structs.replace(job.envelope, message=task))


def open_for(task: Task, now: float) -> float:
    """Return for how many seconds a delegated task stays open."""
    return max(0.0, task.deadline - now) if task.deadline else YEAR


def ended_as(verdict: Verdict) -> str:
    """Return how a task ended by this; nothing when it goes on."""
    if isinstance(verdict, Tell):
        return status_of(verdict.outcome)
    return "cancelled" if isinstance(verdict, Forget) else ""
