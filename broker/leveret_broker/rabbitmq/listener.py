"""Replies and control messages: a private queue for as long as the connection lasts, and a new one after it."""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections.abc import Callable, Sequence

from aiormq.abc import AbstractChannel
from loguru import logger

from leveret_broker.backoff import pause
from leveret_broker.errors import BrokerRefused, BrokerUnavailable, LeveretError, TransportClosed, TransportError
from leveret_broker.rabbitmq.connection import Connection, answered, close_channel
from leveret_broker.rabbitmq.failure import translated
from leveret_broker.rabbitmq.inlet import Message, consume
from leveret_broker.rabbitmq.tasks import Tasks
from leveret_broker.rabbitmq.wire import closing_of
from leveret_broker.transport import Delivery, Subscription


class Listener(Subscription):
    """Hands bodies to a callback. The queue has a fresh name each time: an old one may still be locked."""

    def __init__(
        self,
        connection: Connection,
        exchange: str,
        routing_key: str,
        on_body: Callable[[bytes], None],
        on_restored: Callable[[], None] | None,
        on_end: Callable[[Listener], None],
    ) -> None:
        self._connection = connection
        self._exchange = exchange
        self._routing_key = routing_key
        self._on_body = on_body
        self._on_restored = on_restored
        self._on_end = on_end
        self._ended: LeveretError | None = None
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._tasks = Tasks()

    async def start(self) -> None:
        """Listen; returns when the first queue is bound."""
        channel = await self._subscribe()
        self._tasks.spawn(self._stay(channel), f"listens to {self._exchange}")

    async def take(self) -> list[Delivery]:
        """Wait until the subscription is closed: bodies come by callback."""
        await asyncio.shield(self._over)
        assert self._ended is not None
        raise self._ended

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Do nothing: these queues know no acknowledgements."""

    async def close(self) -> None:
        """Stop listening; the queue goes with its channel."""
        self._end(TransportClosed(f"the subscription to {self._exchange} is closed"))
        await self._tasks.cancel()

    async def _stay(self, channel: AbstractChannel) -> None:
        """Wait for the loss of the channel, subscribe again, and so on."""
        try:
            while True:
                await asyncio.wait({closing_of(channel)})
                channel = await self._resubscribe()
                if self._on_restored is not None:
                    self._call(self._on_restored)
        except (BrokerRefused, TransportClosed) as error:
            self._end(error)
        finally:
            await close_channel(channel)

    async def _resubscribe(self) -> AbstractChannel:
        for attempt in itertools.count(1):
            try:
                return await self._subscribe()
            except BrokerUnavailable as error:
                logger.debug("Cannot listen to {} yet: {}", self._exchange, error)
            await asyncio.sleep(pause(attempt, first=0.1, longest=5.0))
        raise AssertionError

    async def _subscribe(self) -> AbstractChannel:
        channel = await self._connection.channel()
        queue = f"{self._exchange}.{self._routing_key or 'node'}.{secrets.token_hex(6)}"
        try:
            with translated(f"listening to {self._exchange}"):
                await answered(channel.queue_declare(queue, exclusive=True, auto_delete=True))
                await answered(channel.queue_bind(queue, self._exchange, routing_key=self._routing_key))
                await answered(consume(channel, queue, self._on_message, no_ack=True))
        except (TransportError, asyncio.CancelledError):
            await close_channel(channel)
            raise
        channel.on_consumer_cancel_callbacks.add(lambda _frame: self._tasks.spawn(close_channel(channel), "closes"))
        return channel

    def _on_message(self, message: Message) -> None:
        if self._ended is None:
            self._call(self._on_body, message.body)

    def _call(self, callback: Callable[..., None], *arguments: bytes) -> None:
        try:
            callback(*arguments)
        except Exception as error:
            logger.opt(exception=error).error("A callback of {} failed", self._exchange)

    def _end(self, error: LeveretError) -> None:
        if self._ended is None:
            self._ended = error
            self._over.set_result(None)
            self._on_end(self)
