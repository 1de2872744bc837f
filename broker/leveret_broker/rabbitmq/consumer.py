"""Deliveries of one queue, on a channel of their own."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final, NamedTuple

from aiormq.abc import AbstractChannel
from loguru import logger

from leveret_broker.address import DEAD_LETTERS
from leveret_broker.errors import DecodeError, LeveretError, SubscriptionLost, TransportClosed
from leveret_broker.parcel import unpack
from leveret_broker.rabbitmq.connection import CLOSE_SECONDS, Connection, answered, close_channel
from leveret_broker.rabbitmq.failure import describe, translated
from leveret_broker.rabbitmq.inlet import Message, consume
from leveret_broker.rabbitmq.probe import is_probe
from leveret_broker.rabbitmq.tasks import Tasks
from leveret_broker.rabbitmq.wire import closing_of, write_acks
from leveret_broker.transport import Delivery, Subscription

DELIVERED: Final = "x-delivery-count"
"""A quorum queue's header: how often a message came back."""
PARCELS: Final = 32
"""Prefetch of a mailbox queue: each close of a channel costs every unacknowledged parcel one delivery."""


class Arrived(NamedTuple):
    """A delivery, and what must be confirmed before it may be handed on."""

    delivery: Delivery
    first: asyncio.Future[None] | None = None


Read = Callable[[Message], Arrived]
"""Turns an AMQP message into a delivery."""


class QueueSubscription(Subscription):
    """Takes from one queue until it is closed or its channel is gone; never comes back by itself."""

    def __init__(
        self, name: str, read: Read, publishing: Connection, on_end: Callable[[QueueSubscription], None]
    ) -> None:
        self._name = name
        self._read = read
        self._publishing = publishing
        self._on_end = on_end
        self._channel: AbstractChannel | None = None
        self._arrived: deque[Arrived] = deque()
        self._outstanding: deque[int] = deque()
        self._acknowledged: set[int] = set()
        self._wake = asyncio.Event()
        self._ack_wake = asyncio.Event()
        self._ended: LeveretError | None = None
        self._lost = False
        self._gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._tasks = Tasks()
        self._acknowledging: asyncio.Task[None] | None = None
        self._leaving: asyncio.Task[None] | None = None

    async def start(self, channel: AbstractChannel, prefetch: int) -> None:
        """Begin to consume on a fresh channel; the queue exists."""
        self._channel = channel
        closing_of(channel).add_done_callback(self._on_closing)
        channel.on_consumer_cancel_callbacks.add(self._on_cancelled)
        with translated(f"subscribing to {self._name}"):
            await answered(channel.basic_qos(prefetch_count=prefetch))
            await answered(consume(channel, self._name, self._on_message))
        self._acknowledging = self._tasks.spawn(self._acknowledge(channel), f"acknowledges {self._name}")

    @property
    def lost(self) -> bool:
        """See the contract."""
        return self._lost

    async def take(self) -> list[Delivery]:
        """Wait for deliveries; see the contract. While the broker refuses publishes, nothing new is taken."""
        while True:
            if self._ended is not None:
                raise self._ended
            if self._publishing.blocked:
                await self._or_gone(self._publishing.unblocked())
            elif not self._arrived:
                self._wake.clear()
                await self._wake.wait()
            elif (first := self._arrived[0].first) is not None and not first.done():
                await asyncio.wait({first, self._gone}, return_when=asyncio.FIRST_COMPLETED)
            else:
                return self._at_hand()

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Acknowledge, without waiting; see the contract."""
        if self._ended is None and deliveries:
            self._acknowledged.update(delivery.tag for delivery in deliveries)
            self._ack_wake.set()

    async def close(self) -> None:
        """Write the acknowledgements, then close the channel: that alone gives the rest back in its old order.

        Goes on when its caller is cancelled: a channel left open would keep the queue from everybody.
        """
        self._end(TransportClosed(f"the subscription to {self._name} is closed"))
        if self._leaving is None:
            self._leaving = asyncio.create_task(self._leave(), name=f"leveret leaves {self._name}")
        await asyncio.shield(self._leaving)

    async def _leave(self) -> None:
        channel, self._channel = self._channel, None
        if self._acknowledging is not None:
            await asyncio.wait({self._acknowledging}, timeout=CLOSE_SECONDS)
        if channel is not None and not await close_channel(channel):
            self._lost = True
        await self._tasks.cancel()

    # -- deliveries ----------------------------------------------------------------------------------------------------

    def _on_message(self, message: Message) -> None:
        """Keep a message; a probe has done its work."""
        if self._ended is None and is_probe(message.headers):
            self._outstanding.append(message.tag)
            self._acknowledged.add(message.tag)
            self._ack_wake.set()
        elif self._ended is None:
            try:
                arrived = self._read(message)
            except Exception as error:
                logger.opt(exception=error).error("Reading a delivery of {} failed", self._name)
                self._lose(f"internal error: {error!r}")
                return
            self._arrived.append(arrived)
            self._outstanding.append(arrived.delivery.tag)
            self._wake.set()

    def _at_hand(self) -> list[Delivery]:
        """Hand on all deliveries up to the first whose dead letter is not confirmed yet."""
        deliveries: list[Delivery] = []
        while self._arrived and ((first := self._arrived[0].first) is None or first.done()):
            if first is not None and (first.cancelled() or first.exception() is not None):
                self._lose("an unreadable parcel could not be dead-lettered")
                raise SubscriptionLost(f"the subscription to {self._name} is lost: see the log")
            deliveries.append(self._arrived.popleft().delivery)
        return deliveries

    async def _or_gone(self, waiting: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(waiting)
        try:
            await asyncio.wait({task, self._gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            task.cancel()

    # -- acknowledgements ----------------------------------------------------------------------------------------------

    async def _acknowledge(self, channel: AbstractChannel) -> None:
        """Write what is acknowledged, the last of it after the end."""
        while True:
            await self._ack_wake.wait()
            self._ack_wake.clear()
            await self._write_acknowledgements(channel)
            if self._ended is not None:
                return

    async def _write_acknowledgements(self, channel: AbstractChannel) -> None:
        """Acknowledge the oldest ones together, and those behind a gap singly."""
        acknowledged, outstanding, upto = self._acknowledged, self._outstanding, 0
        while outstanding and outstanding[0] in acknowledged:
            upto = outstanding.popleft()
            acknowledged.discard(upto)
        single: list[int] = []
        if acknowledged:
            single = sorted(acknowledged)
            self._outstanding = deque(tag for tag in outstanding if tag not in acknowledged)
            acknowledged.clear()
        if upto or single:
            await write_acks(channel, upto, single)

    # -- the end -------------------------------------------------------------------------------------------------------

    def _on_closing(self, closing: asyncio.Future[None]) -> None:
        self._lose("cancelled" if closing.cancelled() else describe(closing.exception()))

    def _on_cancelled(self, _frame: object) -> None:
        self._lose("the broker cancelled it, its queue was deleted or lost its leader")

    def _lose(self, why: str) -> None:
        if self._ended is None:
            self._lost = True
            logger.warning("The subscription to {} is lost: {}", self._name, why)
            self._end(SubscriptionLost(f"the subscription to {self._name} is lost: {why}"))
            channel, self._channel = self._channel, None
            if channel is not None:
                self._tasks.spawn(close_channel(channel), f"closes {self._name}")

    def _end(self, error: LeveretError) -> None:
        if self._ended is None or isinstance(error, TransportClosed):
            self._ended = error
            self._arrived.clear()
            self._wake.set()
            self._ack_wake.set()
            if not self._gone.done():
                self._gone.set_result(None)
            self._on_end(self)


def read_task(message: Message) -> Arrived:
    """Read a message of a service queue: one body."""
    earlier = int(message.headers.get(DELIVERED, 1)) if message.redelivered else 0
    return Arrived(Delivery(message.tag, (message.body,), message.redelivered, earlier=earlier))


def parcel_reader(queue: str, publish: Callable[..., asyncio.Future[None]]) -> Read:
    """Return the reader of a mailbox queue; an unreadable parcel goes to the dead letters alone."""

    def read(message: Message) -> Arrived:
        first = None
        try:
            bodies = unpack(message.body)
        except DecodeError as error:
            logger.error("An unreadable parcel from {} goes to the dead letters: {}", queue, error)
            first = publish(DEAD_LETTERS, message.body, reason=str(error), source=queue)
            bodies = ()
        return Arrived(Delivery(message.tag, bodies, message.redelivered), first)

    return read
