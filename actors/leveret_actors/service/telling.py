"""What a worker publishes of its tasks: confirmed before the task is acknowledged, so that no event is lost.

An attempt that comes again, as it does when its worker died, tells the same events under the same ids.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from loguru import logger

from leveret import events
from leveret.events import ServiceEvent
from leveret.failure import brief
from leveret_actors.service.job import Job
from leveret_actors.service.verdict import Tell, TryAgain, Verdict
from leveret_actors.voice import Voice
from leveret_broker.envelope import Task
from leveret_broker.errors import TransportClosed
from leveret_broker.outcome import Completed, Failed, Failure, status_of
from leveret_broker.transport import Transport


class TaskTeller:
    """Tells of the tasks of a node's services. `voice_of` returns the voice of one; `clock` gives Unix time."""

    def __init__(
        self,
        transport: Transport,
        voice_of: Callable[[str], Voice] | None,
        *,
        worker: str,
        clock: Callable[[], float],
    ) -> None:
        self._transport = transport
        self._voice_of = voice_of
        self._worker = worker
        self._clock = clock

    def started(self, job: Job) -> None:
        """Tell that an attempt began; with the first one, that the task had been sent."""
        task = job.task
        if not self._types(task.service):
            return
        if task.attempt == 1:
            sent = events.ServiceTaskDispatched(
                id=f"{_life(task)}.dispatched", at=job.envelope.sent or self._clock(), **_about(task)
            )
            self._tell(job, sent)
        self._tell(job, self._event(events.ServiceTaskStarted, task))

    def over(self, job: Job, verdict: Verdict) -> None:
        """Tell how an attempt ended."""
        if self._types(job.task.service) and isinstance(verdict, Tell | TryAgain):
            self._tell(job, self.end(job.task, verdict))

    def end(self, task: Task, verdict: Tell | TryAgain, *, delegated: bool = False) -> ServiceEvent:
        """Return the event that an attempt, or a task, is over."""
        if isinstance(verdict, TryAgain):
            what = {"failure": brief(verdict.failure), "delay": verdict.delay}
            return self._event(events.ServiceTaskRetryScheduled, task, **what)
        outcome = verdict.outcome
        if isinstance(outcome, Completed):
            kind = events.ServiceTaskDelegationCompleted if delegated else events.ServiceTaskCompleted
            return self._event(kind, task)
        failure = outcome.failure if isinstance(outcome, Failed) else Failure(status_of(outcome), "")
        return self._event(events.ServiceTaskFailed, task, failure=brief(failure))

    async def say(self, event: ServiceEvent) -> None:
        """Publish an event, if anybody wants it, and wait until the broker has it."""
        future = self._publish(event)
        if future is not None:
            await asyncio.wait([future])

    def when_told(self, job: Job, done: Callable[[], None]) -> None:
        """Call `done` once the broker has all that was told of a job."""
        if not job.told:
            done()
            return
        waiting = len(job.told)

        def one(future: asyncio.Future[None]) -> None:
            nonlocal waiting
            waiting -= not _is_lost(future)
            if not waiting:
                done()

        told, job.told = job.told, []
        for future in told:
            future.add_done_callback(one)

    def _types(self, service: str) -> frozenset[str]:
        return frozenset() if self._voice_of is None else self._voice_of(service).types

    def _tell(self, job: Job, event: ServiceEvent) -> None:
        future = self._publish(event)
        if future is not None:
            job.told.append(future)

    def _publish(self, event: ServiceEvent) -> asyncio.Future[None] | None:
        if self._voice_of is None or event.type not in self._types(event.service):
            return None
        future = self._transport.publish(*self._voice_of(event.service).message(event))
        future.add_done_callback(partial(_complain, event))
        return future

    def _event(self, kind: type[events.AttemptEvent], task: Task, **what: Any) -> ServiceEvent:
        identity = f"{_life(task)}.{task.attempt}.{events.type_of(kind)}"
        about: dict[str, Any] = {**_about(task), "attempt": task.attempt, "worker": self._worker}
        return kind(id=identity, at=self._clock(), **about, **what)


def _life(task: Task) -> str:
    return f"{task.task_id}.{task.sequence}"


def _about(task: Task) -> dict[str, str]:
    where = {"workflow": task.workflow, "instance": task.instance}
    return {"service": task.service, "task": task.name, "task_id": task.task_id, **where}


def _is_lost(future: asyncio.Future[None]) -> bool:
    """Tell whether an event may come again with its task, whose delivery goes back as well."""
    return future.cancelled() or isinstance(future.exception(), TransportClosed)


def _complain(event: ServiceEvent, future: asyncio.Future[None]) -> None:
    if not future.cancelled() and (error := future.exception()) and not isinstance(error, TransportClosed):
        logger.error("the event {} cannot be published: {}", event.id, error)
