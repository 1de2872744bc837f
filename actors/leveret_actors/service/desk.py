"""What leaves a worker: outcomes, retries, dead letters. Nothing is done before the broker has confirmed it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, TypeAlias

import msgspec
from loguru import logger

from leveret_actors.service.calls import ClientCalls
from leveret_actors.service.report import report
from leveret_actors.service.revocations import Revocations
from leveret_actors.service.verdict import TryAgain
from leveret_broker.address import DEAD_LETTERS
from leveret_broker.codec import Payload
from leveret_broker.envelope import ClientCaller, Envelope, Task, encode
from leveret_broker.errors import TransportClosed
from leveret_broker.outcome import Outcome
from leveret_broker.transport import Transport

NOTE_SECONDS: Final = 86_400.0
"""How long after its start an attempt of a task without a deadline is remembered."""

Done: TypeAlias = Callable[[], None]
"""Called once the broker holds what was sent; not at all when the transport is closed before."""


class Desk:
    """Sends for one worker, without waiting."""

    def __init__(
        self,
        transport: Transport,
        revocations: Revocations,
        calls: ClientCalls,
        *,
        service: str,
        worker: str,
        clock: Callable[[], float],
    ) -> None:
        self._transport = transport
        self._revocations = revocations
        self.calls = calls
        """Those of clients, whose outcomes are kept as well."""
        self._service = service
        self._worker = worker
        self._clock = clock
        self._open: set[asyncio.Future[None]] = set()

    def report(self, body: bytes, task: Task, outcome: Outcome, done: Done) -> None:
        """Tell the caller how the task ended; an outcome that cannot be sent makes a dead letter of the task."""

        def refused(error: BaseException) -> None:
            self.bury(body, f"the outcome of task {task.task_id} could not be sent: {error}", done)

        if isinstance(task.caller, ClientCaller):
            self._watch(self.calls.end(task, outcome), done, refused)
            return
        sending = report(task, outcome, self._worker, self._clock())
        if sending is None:
            done()
        else:
            self._watch(self._transport.publish(*sending), done, refused)

    def bury(self, body: bytes, reason: str, done: Done) -> None:
        """Send a task that nobody can handle to the dead letters."""
        logger.error("dead letter from service {}: {}", self._service, reason)
        letter = self._transport.publish(DEAD_LETTERS, body, reason=reason, source=self._service)
        self._watch(letter, done, partial(self._stuck, "a dead letter"))

    def postpone(self, task: Task, body: bytes, delay: float, done: Done) -> None:
        """Send a task that is not to be run here and now to its queue again, or up the ladder."""
        again = self._transport.publish(task.queue, body, delay=delay)
        self._watch(again, done, partial(self._stuck, "a task that came early"))

    def retry(
        self,
        envelope: Envelope,
        task: Task,
        done: Done,
        *,
        verdict: TryAgain,
        meta: Mapping[str, str],
        progress: Payload | None = None,
    ) -> None:
        """Send the next attempt of a task out, then note that it is: a redelivery of this one is dropped from then on.

        Noted before it was sent out, a crash between the two would lose the task.
        """
        now, delay = self._clock(), verdict.delay
        following = next_attempt(task, verdict, now, meta, progress)
        body = encode(msgspec.structs.replace(envelope, message=following, sent=now))
        until = max(task.deadline, now + delay + NOTE_SECONDS)

        def sent() -> None:
            noting = asyncio.ensure_future(self._revocations.note_attempt(following, until))
            self._watch(noting, done, partial(self._stuck, "the note of an attempt"))

        self._watch(
            self._transport.publish(task.queue, body, delay=delay), sent, partial(self._stuck, "the next attempt")
        )

    async def settle(self) -> None:
        """Wait until all that was sent is confirmed."""
        while self._open:
            await asyncio.wait(self._open)

    def _watch(self, future: asyncio.Future[None], done: Done, refused: Callable[[BaseException], None]) -> None:
        self._open.add(future)
        future.add_done_callback(partial(self._confirmed, done, refused))

    def _confirmed(self, done: Done, refused: Callable[[BaseException], None], future: asyncio.Future[None]) -> None:
        self._open.discard(future)
        if future.cancelled():
            return
        error = future.exception()
        if error is None:
            done()
        elif not isinstance(error, TransportClosed):  # then the delivery goes back by itself
            refused(error)

    def _stuck(self, what: str, error: BaseException) -> None:
        text = "service {} cannot send {}: {}; the task stays unacknowledged until this node stops or loses its channel"
        logger.error(text, self._service, what, error)


def next_attempt(task: Task, verdict: TryAgain, now: float, meta: Mapping[str, str], progress: Payload | None) -> Task:
    """Return the next attempt of a task."""
    return msgspec.structs.replace(
        task,
        attempt=task.attempt + 1,
        not_before=now + verdict.delay if verdict.delay > 0 else 0.0,
        began=task.began or now - verdict.elapsed,
        waited=verdict.delay,
        last_failure=verdict.failure,
        alone=task.alone or verdict.alone,
        deaths=0,
        meta={str(key): str(value) for key, value in meta.items()},  # a user's hands were on it
        progress=progress,
    )
