"""An application that knows nothing of leveret: it has an exchange, a queue, and publishes JSON."""

from __future__ import annotations

import json
from types import TracebackType
from typing import Any, Self

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractExchange, AbstractQueue


class Shop:
    """One connection of somebody else's; what it declares is named after `name`."""

    def __init__(self, url: str, name: str) -> None:
        self._url = url
        self.exchange_name = f"{name}.events"
        self.queue_name = f"{name}.work"

    async def declare(self, exchange: str = "") -> None:
        """Declare the exchange (or another one), and a queue that is bound to nothing."""
        self._exchange: AbstractExchange = await self._channel.declare_exchange(
            exchange or self.exchange_name, aio_pika.ExchangeType.TOPIC, durable=True
        )
        self.queue: AbstractQueue = await self._channel.declare_queue(self.queue_name, durable=True)

    async def publish(self, key: str, body: Any, *, to_queue: bool = False, **properties: Any) -> None:
        """Publish JSON, or bytes as they are; returns when the broker has it."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        message = aio_pika.Message(data, delivery_mode=aio_pika.DeliveryMode.PERSISTENT, **properties)
        exchange = self._channel.default_exchange if to_queue else self._exchange
        await exchange.publish(message, key, mandatory=to_queue)

    async def is_read(self, queue: str) -> bool:
        """Tell whether somebody consumes a queue."""
        return (await self._look(queue))[1] > 0

    async def waiting(self, queue: str) -> int:
        """Return how many messages are in a queue that nobody consumes."""
        return (await self._look(queue))[0]

    async def _look(self, queue: str) -> tuple[int, int]:
        channel = await self._connection.channel()
        try:
            found = (await channel.declare_queue(queue, passive=True)).declaration_result
        except aio_pika.exceptions.ChannelNotFoundEntity:
            return 0, 0
        await channel.close()
        return found.message_count or 0, found.consumer_count or 0

    async def __aenter__(self) -> Self:
        self._connection = await aio_pika.connect(self._url)
        self._channel: AbstractChannel = await self._connection.channel(on_return_raises=True)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self._connection.close()
