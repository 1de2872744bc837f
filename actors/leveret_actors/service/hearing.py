"""What a worker hears on the control exchange: which tasks nobody wants any more."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from loguru import logger

from leveret_actors.service.attempt import Why
from leveret_actors.service.job import Job
from leveret_actors.service.revocations import Revocations, attempts_key
from leveret_broker.envelope import CancelTask, decode
from leveret_broker.errors import DecodeError
from leveret_broker.transport import Subscription, Transport


class Hearing:
    """Remembers cancellations, and stops what runs; `running` are the jobs of its service."""

    def __init__(
        self,
        transport: Transport,
        revocations: Revocations,
        running: Callable[[], Iterable[Job]],
        *,
        service: str,
        clock: Callable[[], float],
    ) -> None:
        self._transport = transport
        self._revocations = revocations
        self._running = running
        self._service = service
        self._clock = clock
        self._subscription: Subscription | None = None

    async def begin(self) -> None:
        """Listen from now on; a second call does nothing."""
        if self._subscription is None:
            self._subscription = await self._transport.subscribe_control(self._hear)

    async def close(self) -> None:
        """Listen no more."""
        if self._subscription is not None:
            await self._subscription.close()

    def _hear(self, body: bytes) -> None:
        try:
            message = decode(body).message
        except DecodeError as error:
            logger.warning("service {} cannot read a control message: {}", self._service, error)
            return
        if isinstance(message, CancelTask):
            self._revocations.remember(message, self._clock())
            for job in tuple(self._running()):
                if attempts_key(job.task) == message.task_id and job.attempt is not None:
                    job.attempt.interrupt(Why.CANCELLED, message.reason)
