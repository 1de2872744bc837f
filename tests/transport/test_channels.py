"""Channels come and go for as long as a connection lasts; the broker allows 2 047 of them at once."""

from __future__ import annotations

import asyncio
from collections import deque

from leveret_broker.rabbitmq.connection import Connection, close_channel
from tests.servers import RabbitServer


async def test_a_connection_outlives_any_number_of_channels(rabbit: RabbitServer) -> None:
    connection = Connection(rabbit.url, "testing", asyncio.Lock())
    await connection.open(20)
    try:
        before = await connection.ready()
        channels = deque([await connection.channel() for _ in range(5)])
        for _ in range(2100):  # each queue that is lost and subscribed to again
            await close_channel(channels.popleft())
            channels.append(await connection.channel())

        assert await connection.ready() is before
        assert max(channel.number for channel in channels) <= 6
    finally:
        await connection.close()
