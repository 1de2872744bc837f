"""The router of dead letters: from the broker into the store, and the news to whoever waits."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from loguru import logger

from leveret_actors.patience import Patience
from leveret_actors.service.report import failed, report
from leveret_actors.service.telling import TaskTeller
from leveret_actors.service.verdict import Tell
from leveret_actors.store.contract import DeadLetter, Store
from leveret_broker.envelope import Envelope, Task, decode
from leveret_broker.errors import DecodeError, PublishFailed
from leveret_broker.ids import letter_id
from leveret_broker.outcome import DEAD_LETTERED, Failed
from leveret_broker.transport import Delivery, Subscription, Transport


class DeadLetterRouter:
    """Buries the namespace's dead letters, and tells the callers of tasks among them that these have failed.

    Any number of nodes may run one: a letter buried twice is kept once, an outcome told twice counts once. `clock`
    gives Unix time.
    """

    def __init__(
        self,
        transport: Transport,
        store: Store,
        *,
        teller: TaskTeller | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._transport = transport
        self._teller = teller
        self._store = store
        self._clock = clock

    async def run(self) -> None:
        """Route until cancelled; raises `TransportClosed` when the transport is, and `BrokerRefused`."""
        await Patience("the router of dead letters").persist(self._route)

    async def _route(self) -> None:
        async with await self._transport.subscribe_dead_letters() as subscription:
            await self._route_from(subscription)

    async def _route_from(self, subscription: Subscription) -> None:
        while True:
            deliveries = await subscription.take()
            letters = [self._letter(body, one) for one in deliveries for body in one.bodies]
            await self._store.bury(letters)
            await self._tell(letters)
            await self._publish(letters)
            subscription.acknowledge(deliveries)
            await self._transport.flow()

    def _letter(self, body: bytes, delivery: Delivery) -> DeadLetter:
        reason = delivery.reason
        number = letter_number(body, reason)
        return DeadLetter(id=number, at=self._clock(), source=delivery.source, reason=reason, body=body)

    async def _tell(self, letters: Sequence[DeadLetter]) -> None:
        """Tell the callers of tasks, and wait until the broker holds it."""
        told = [future for letter in letters if (future := self._tell_caller(letter)) is not None]
        for error in await asyncio.gather(*told, return_exceptions=True):
            if isinstance(error, PublishFailed):
                logger.error("a caller cannot be told that its task is a dead letter: {}", error)
            elif isinstance(error, BaseException):
                raise error

    def _tell_caller(self, letter: DeadLetter) -> asyncio.Future[None] | None:
        envelope = readable(letter.body)
        task = None if envelope is None else envelope.message
        if not isinstance(task, Task):
            return None
        outcome = self._outcome(task, letter)
        sending = report(task, outcome, "", self._clock())
        return None if sending is None else self._transport.publish(*sending)

    async def _publish(self, letters: Sequence[DeadLetter]) -> None:
        """Tell listeners that these tasks have failed."""
        for letter in letters:
            envelope = readable(letter.body)
            task = None if envelope is None else envelope.message
            if self._teller is not None and isinstance(task, Task):
                await self._teller.say(self._teller.end(task, Tell(self._outcome(task, letter))))

    @staticmethod
    def _outcome(task: Task, letter: DeadLetter) -> Failed:
        text = f"task {task.service}.{task.name} became a dead letter: {letter.reason}"
        return failed(task, DEAD_LETTERED, text, reason=letter.reason)


def letter_number(body: bytes, reason: str) -> str:
    """Return the id under which a dead letter is kept: the same for the same envelope and reason."""
    envelope = readable(body)
    return letter_id(body if envelope is None else envelope.id.encode(), reason)


def readable(body: bytes) -> Envelope | None:
    """Return the envelope in `body`, None when there is none."""
    try:
        return decode(body)
    except DecodeError:
        return None
