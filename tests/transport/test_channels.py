"""Channels come and go for as long as a connection lasts; the broker allows 2 047 of them at once."""

from __future__ import annotations

import asyncio
from collections import deque

import pytest
from loguru import logger

from leveret_broker.address import MailboxQueue
from leveret_broker.rabbitmq import RabbitTransport, consumer
from leveret_broker.rabbitmq.connection import Connection, close_channel
from tests.servers import RabbitServer
from tests.transport.harness import soon


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


async def test_a_subscription_given_up_while_it_begins_closes_its_channel_without_a_warning(
    rabbit: RabbitServer, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, warnings = asyncio.Event(), list[str]()

    async def never_answered(*_arguments: object) -> None:
        asked.set()
        await asyncio.Event().wait()

    logger.enable("leveret_broker")
    sink = logger.add(lambda message: warnings.append(message.record["message"]), level="WARNING")
    transport = RabbitTransport(rabbit.url, namespace)
    await transport.open(20)
    try:
        with monkeypatch.context() as patch:
            patch.setattr(consumer, "consume", never_answered)
            subscribing = asyncio.create_task(transport.subscribe_mailbox(MailboxQueue("Order", 0)))
            await soon(asked.wait())
            subscribing.cancel()
            await asyncio.wait({subscribing}, timeout=20)

        assert subscribing.cancelled()
        await soon((await transport.subscribe_mailbox(MailboxQueue("Order", 0))).close())
    finally:
        await transport.close()
        logger.remove(sink)
        logger.disable("leveret_broker")
    assert warnings == []
