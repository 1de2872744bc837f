"""Delegated tasks that somebody completes or fails from outside."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Mapping
from typing import Final

import msgspec
from loguru import logger

from leveret.failure import as_readable
from leveret_actors import faults
from leveret_actors.service.desk import next_attempt
from leveret_actors.service.execution import Execution
from leveret_actors.service.job import Receipt
from leveret_actors.service.keeping import KEPT, UNDELIVERED, decode_parcel, encode_parcel
from leveret_actors.service.report import end_in, report, whereabouts
from leveret_actors.service.telling import TaskTeller
from leveret_actors.service.verdict import Tell, TryAgain
from leveret_actors.store.contract import Outgoing, Store
from leveret_actors.store.leases import ENDED, FINISHED, RUNNING, Lease
from leveret_broker.address import ServiceQueue
from leveret_broker.codec import Codec, Payload
from leveret_broker.envelope import Done, Envelope, Refused, SettleTask, Task, decode, encode
from leveret_broker.errors import DecodeError, PayloadLocked, StoreUnavailable, TransportError
from leveret_broker.outcome import Completed, Failed, Failure, status_of
from leveret_broker.transport import Transport

PAUSE: Final = 1.0
"""Seconds before the store is asked again."""
CLOSE_SECONDS: Final = 5.0


class DelegateFailed(Exception):
    """What a policy is asked about when the one who had a delegated task failed it: `failure` is what they said."""

    def __init__(self, failure: Failure) -> None:
        """Keep what they said."""
        super().__init__(failure)
        self.failure = failure

    def __str__(self) -> str:
        """Say what they said."""
        return f"{self.failure.type}: {self.failure.message}"


class Settlements:
    """Settles the delegated tasks of one service; whoever asked gets `Done`, or `Refused` for what does not fit."""

    def __init__(
        self,
        transport: Transport,
        store: Store,
        executions: Mapping[str, Execution],
        codec: Codec,
        teller: TaskTeller,
        *,
        service: str,
        worker: str,
        clock: Callable[[], float],
    ) -> None:
        self._transport = transport
        self._store = store
        self._executions = executions
        self._codec = codec
        self._teller = teller
        self._service = service
        self._worker = worker
        self._clock = clock
        self._names = map(f"{worker}/settles-{{}}".format, itertools.count())
        """Who holds what is settled: of all that goes on here at once, the store must take one."""
        self._open: set[asyncio.Task[None]] = set()

    def add(self, message: SettleTask, receipt: Receipt) -> None:
        """Settle a task in the background, then acknowledge."""
        task = asyncio.create_task(self._carry_out(message, receipt), name=f"settles {message.task_id}")
        self._open.add(task)
        task.add_done_callback(self._ended)

    async def close(self) -> None:
        """Finish what is under way; what the servers do not let finish goes back to the queue."""
        if self._open:
            await asyncio.wait(self._open, timeout=CLOSE_SECONDS)
        for task in tuple(self._open):
            task.cancel()

    async def _carry_out(self, message: SettleTask, receipt: Receipt) -> None:
        again = receipt.redelivered
        while True:
            try:
                answer = await self._settle(message, again=again)
                break
            except StoreUnavailable as error:
                again = True  # the store may have taken what it did not answer
                logger.warning("task {} cannot be settled yet, trying again: {}", message.task_id, error)
                await asyncio.sleep(PAUSE)
        if message.caller is not None:
            envelope = Envelope(message.caller.request, "", answer, sent=self._clock())
            await self._transport.publish(message.caller.address, encode(envelope))
        receipt.acknowledge()

    async def _settle(self, message: SettleTask, *, again: bool) -> Done | Refused:
        """Settle a task; once more when its lease changed meanwhile, as it does when its function returns."""
        holder = next(self._names)
        while True:
            (lease,) = await self._store.find_leases([message.task_id])
            if lease is None or lease.service != self._service or message.sequence not in {-1, lease.sequence}:
                text = f"there is no open task {message.task_id} of service {self._service}: it was never delegated, "
                return Done(found=False, count=0, text=f"{text}waits for an attempt, or ended more than a day ago")
            unfit = self._unfit(lease, message)
            if unfit is not None:
                await self._send_again(lease, again=again)
                if again and lease.status in {FINISHED, "completed"} and isinstance(message.outcome, Completed):
                    await self._tell(_left_of(lease), Tell(message.outcome))  # whoever settled it may have died
                return unfit
            envelope = decode(lease.body)
            task = envelope.message
            assert isinstance(task, Task)
            if task.deadline and task.deadline <= self._clock():
                return Done(found=True, count=0, text=f"task {message.task_id} is over its timeout")
            parcel, verdict, text = self._what_follows(envelope, task, lease, message)
            status = status_of(message.outcome)
            finished = msgspec.structs.replace(lease, status=status, holder=holder, body=b"")
            if parcel is not None:
                finished = msgspec.structs.replace(finished, status=FINISHED, parcel=encode_parcel(parcel))
            if await self._store.replace(lease, finished, KEPT if parcel is None else UNDELIVERED):
                faults.reached("after-settlement")
                await self._tell(task, verdict)
                await self._send(finished, parcel, status)
                return Done(found=True, count=1, text=f"task {message.task_id} {text}")

    def _unfit(self, lease: Lease, message: SettleTask) -> Done | Refused | None:
        """Return the answer for what cannot be settled."""
        name = f"task {lease.task}"
        parcel = _unsent(lease)
        if parcel is not None and isinstance(parcel.address, ServiceQueue) and not end_in(parcel.body):
            return Done(found=True, count=0, text=f"{name} is between two attempts: try again when the next one runs")
        if lease.status in ENDED or lease.status == FINISHED:
            how = lease.status.replace("_", " ") if lease.status in ENDED else "settled"
            return Done(found=True, count=0, text=f"{name} is {how} already")
        execution = self._executions.get(lease.name)
        contract = None if execution is None else execution.definition.delegated
        if contract is None:
            text = f"{name} runs at {lease.holder}" if lease.status == RUNNING else f"{name} is {lease.status}"
            return Refused("not delegated", f"{text}; {lease.service}.{lease.name} is no delegated task here")
        if isinstance(message.outcome, Completed):
            try:
                self._codec.load(message.outcome.value, contract.result)
            except PayloadLocked as locked:
                return Refused("locked", f"the result of {lease.service}.{lease.name} cannot be read here: {locked}")
            except DecodeError as error:
                text = f"the result does not fit {lease.service}.{lease.name}: {self._codec.detail(error)}"
                return Refused("misfit", text)
        return None

    def _what_follows(
        self, envelope: Envelope, task: Task, lease: Lease, message: SettleTask
    ) -> tuple[Outgoing | None, Tell | TryAgain, str]:
        """Return what is to be sent, what it says, and in words what became of the task."""
        now, outcome = self._clock(), message.outcome
        if isinstance(outcome, Failed):
            failure = msgspec.structs.replace(outcome.failure, where=whereabouts(task, self._worker, "delegate"))
            outcome = Failed(failure)
            elapsed = max(0.0, now - (task.began or envelope.sent or now))
            execution = self._executions[lease.name]
            error = DelegateFailed(as_readable(failure, self._codec))
            delay = execution.delay(task, error, elapsed) if message.retry else None
            if delay is not None:
                progress = Payload(lease.progress) if lease.progress else None
                verdict = TryAgain(delay, failure, elapsed)
                again = next_attempt(task, verdict, now, task.meta, progress)
                body = encode(msgspec.structs.replace(envelope, message=again, sent=now))
                return Outgoing(task.queue, body, delay), verdict, f"is tried again in {delay:g} s"
        sending = report(task, outcome, self._worker, now)
        return None if sending is None else Outgoing(*sending), Tell(outcome), f"is {status_of(outcome)}"

    async def _tell(self, task: Task, verdict: Tell | TryAgain) -> None:
        await self._teller.say(self._teller.end(task, verdict, delegated=True))

    async def _send_again(self, lease: Lease, *, again: bool) -> None:
        """Send what may not have been sent: who stored it for this very request may have died over it.

        The next attempt goes out only when the request comes `again`: a second copy of it would find the lease of the
        first one, and costs more than a second copy of a result.
        """
        parcel = _unsent(lease)
        if parcel is not None and ((status := end_in(parcel.body)) or again):
            await self._send(lease, parcel, status)

    async def _send(self, lease: Lease, parcel: Outgoing | None, status: str) -> None:
        """Send what follows; what cannot be sent now is sent by who finds the lease."""
        if parcel is not None:
            try:
                await self._transport.publish(parcel.address, parcel.body, delay=parcel.delay)
            except TransportError as error:
                logger.warning("the end of task {} is sent later: {}", lease.task, error)
                return
        ended = None
        if parcel is None or end_in(parcel.body):
            ended = msgspec.structs.replace(lease, status=status, holder="", parcel=b"")
        await self._store.replace(lease, ended, KEPT)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._open.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.opt(exception=error).error("a task could not be settled; the request stays unacknowledged")


def _unsent(lease: Lease) -> Outgoing | None:
    """Return what follows from a finished task, while nobody has seen it sent."""
    return decode_parcel(lease.parcel) if lease.status == FINISHED and lease.parcel else None


def _left_of(lease: Lease) -> Task:
    """Return what a lease still tells of its task."""
    empty = Payload(b"")
    return Task(lease.task, lease.service, lease.name, empty, attempt=lease.attempt, sequence=lease.sequence)
