"""Tasks that clients called: each runs by one message, its outcome is kept, and whoever waits is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Final

import msgspec
from loguru import logger

from leveret_actors.service.execution import Execution
from leveret_actors.service.job import Job, Receipt
from leveret_actors.service.report import whereabouts
from leveret_actors.service.waiting import until_stored
from leveret_actors.settings import DAY
from leveret_actors.store.contract import Store
from leveret_actors.store.outcomes import Called, CallRecord
from leveret_broker.address import CONTROL, ReplyQueue
from leveret_broker.envelope import Answer, AskTask, CancelTask, ClientCaller, EndTask, Envelope, Task, encode
from leveret_broker.errors import PublishFailed, StoreError
from leveret_broker.ids import sequence_key
from leveret_broker.outcome import NOT_SENT, Cancelled, Failed, Failure, Outcome, TimedOut
from leveret_broker.transport import Transport

CLOSE_SECONDS: Final = 5.0
OPEN_SECONDS: Final = 30 * 86_400.0
"""How long it is known who waits for a task that has not ended, from the last message about it on."""
REVOKED_SECONDS: Final = 86_400.0
"""How long it is known that a task was cancelled."""

_encode = msgspec.msgpack.Encoder().encode
_outcomes: msgspec.msgpack.Decoder[Outcome] = msgspec.msgpack.Decoder(Outcome)


class ClientCalls:
    """Keeps and tells the outcomes of one service, each for `kept` seconds. `clock` gives Unix time."""

    def __init__(
        self, transport: Transport, store: Store, *, worker: str, clock: Callable[[], float], kept: float = DAY
    ) -> None:
        self._transport = transport
        self._store = store
        self._worker = worker
        self._clock = clock
        self._kept = kept
        self._open: set[asyncio.Task[None]] = set()

    async def admit(self, jobs: Sequence[Job]) -> list[Job]:
        """Return what is to be run; a client's task that ended, or runs by another message, is answered or waits.

        A store that does not answer stops no task: it may run once too often.
        """
        called = [job for job in jobs if isinstance(job.task.caller, ClientCaller)]
        if not called:
            return list(jobs)
        calls = [_called(job.task, job.envelope.id) for job in called]
        try:
            records = await self._store.note_calls(calls, OPEN_SECONDS)
        except StoreError as error:
            logger.warning("cannot look up tasks that clients called, starting them unchecked: {}", error)
            return list(jobs)
        dropped = set[Job]()
        for job, call, record in zip(called, calls, records, strict=True):
            if record.outcome:
                dropped.add(job)
                self._soon(self._answer(record, call.waiter, job), f"tells of {call.task}")
            elif record.sequence > job.task.sequence or record.message != job.envelope.id:
                dropped.add(job)
                logger.info("task {} was called before: its caller waits with the others", job.task.task_id)
                job.acknowledge()
        return [job for job in jobs if job not in dropped]

    def end(self, task: Task, outcome: Outcome) -> asyncio.Task[None]:
        """Keep an outcome and tell all who wait, in the background; done when the broker holds the answers."""
        if task.deadline and task.deadline <= self._clock():
            outcome = TimedOut(task.timeout, whereabouts(task, self._worker))
        return self._soon(self._end(_called(task), outcome), f"ends {task.task_id}")

    def add(self, message: AskTask | EndTask, receipt: Receipt) -> None:
        """Serve a request in the background, then acknowledge."""
        serve = self._serve_end(message) if isinstance(message, EndTask) else self._serve_question(message)

        async def served() -> None:
            await serve
            receipt.acknowledge()

        self._soon(served(), f"serves {message.task_id}")

    def limited(self, execution: Execution, task: Task) -> Execution:
        """Return how to run an attempt: a client has no timer that would stop it at its deadline."""
        if not task.deadline or not isinstance(task.caller, ClientCaller):
            return execution
        left = max(0.001, task.deadline - self._clock())
        return replace(execution, timeout=min(left, execution.timeout or left))

    async def close(self) -> None:
        """Finish what is under way; what the servers do not let finish goes back to the queue."""
        if self._open:
            await asyncio.wait(self._open, timeout=CLOSE_SECONDS)
        for task in tuple(self._open):
            task.cancel()

    # -- below --------------------------------------------------------------------------------------------------------

    async def _end(self, call: Called, outcome: Outcome) -> CallRecord:
        encoded = _encode(outcome)
        record = await until_stored(lambda: self._store.keep_outcome(call, encoded, self._kept))
        if record.outcome and call.sequence in {-1, record.sequence}:
            await self._tell_all(record, call.waiter)
        return record

    async def _answer(self, record: CallRecord, waiter: str, job: Job) -> None:
        await self._tell_all(record, waiter)
        job.acknowledge()

    async def _serve_end(self, message: EndTask) -> None:
        call = Called(message.task_id, message.sequence, _waiter(message.caller))
        record = await self._end(call, message.outcome)
        if record.outcome and isinstance(outcome := _outcomes.decode(record.outcome), Cancelled):
            life, until = sequence_key(message.task_id, record.sequence), self._clock() + REVOKED_SECONDS
            await until_stored(lambda: self._store.revoke([life], until))
            heard = CancelTask(life, until, outcome.where.get("reason", ""))
            await self._transport.publish(CONTROL, encode(Envelope(life, "", heard)))

    async def _serve_question(self, message: AskTask) -> None:
        call = Called(message.task_id, waiter=_waiter(message.caller))
        (record,) = await until_stored(lambda: self._store.note_calls([call], OPEN_SECONDS))
        if record.outcome:
            await self._tell(call.waiter, _outcomes.decode(record.outcome))

    async def _tell_all(self, record: CallRecord, also: str) -> None:
        """Tell all who wait, those included who may have been told before: a second answer is dropped."""
        outcome = _outcomes.decode(record.outcome)
        for waiter in dict.fromkeys((*record.waiters, also)):
            await self._tell(waiter, outcome)

    async def _tell(self, waiter: str, outcome: Outcome) -> None:
        client, _, request = waiter.partition("/")
        if not request:  # it only wanted the task to run
            return
        body = encode(Envelope(request, "", Answer(outcome), sent=self._clock()))
        try:
            await self._transport.publish(ReplyQueue(client), body)
        except PublishFailed as error:
            logger.error("a client cannot be told how its task ended: {}", error)
            refused = Failed(Failure(NOT_SENT, f"the outcome could not be sent: {error}", where={"reason": "outcome"}))
            body = encode(Envelope(request, "", Answer(refused), sent=self._clock()))
            await self._transport.publish(ReplyQueue(client), body)

    def _soon(self, work: Coroutine[None, None, object], name: str) -> asyncio.Task[None]:
        async def run() -> None:
            await work

        task = asyncio.create_task(run(), name=name)
        self._open.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._open.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.opt(exception=error).error(
                "{}: it could not be done; the task stays unacknowledged", task.get_name()
            )


def _called(task: Task, message: str = "") -> Called:
    caller = task.caller if isinstance(task.caller, ClientCaller) else None
    return Called(task.task_id, task.sequence, _waiter(caller), message)


def _waiter(caller: ClientCaller | None) -> str:
    return "" if caller is None else f"{caller.client}/{caller.request}"
