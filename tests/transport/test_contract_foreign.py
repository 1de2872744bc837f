"""The transport contract about what others own: one suite for every transport."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from leveret_broker.address import BridgeQueue
from leveret_broker.command import decode_command
from leveret_broker.errors import BrokerUnavailable, ConfigurationError, SubscriptionLost
from leveret_broker.foreign import ForeignSource
from leveret_broker.transport import Delivery
from tests.bridge.foreign import Shop
from tests.servers import RabbitServer
from tests.transport.harness import Connect, soon, take

elsewhere = pytest.mark.parametrize("make", ["memory", "sqlite"], indirect=True)
on_rabbitmq = pytest.mark.parametrize("make", ["rabbitmq"], indirect=True)


@pytest.fixture
async def shop(rabbit: RabbitServer, namespace: str) -> AsyncIterator[Shop]:
    """Somebody else's exchange and queue."""
    async with Shop(rabbit.url, f"shop-{namespace}") as shop:
        await shop.declare()
        yield shop


def texts(deliveries: list[Delivery]) -> list[str]:
    return [decode_command(body).body.decode() for delivery in deliveries for body in delivery.bodies]


@elsewhere
async def test_where_nobody_else_can_publish_there_is_nothing_to_read(connect: Connect) -> None:
    transport = await connect()

    with pytest.raises(ConfigurationError, match="needs RabbitMQ"):
        await transport.subscribe_foreign(ForeignSource("b", "events"))


@on_rabbitmq
@pytest.mark.parametrize("source", [ForeignSource("b", "never"), ForeignSource("b", queue="never")], ids=str)
async def test_what_does_not_exist_is_unavailable(connect: Connect, source: ForeignSource) -> None:
    transport = await connect()

    with pytest.raises(BrokerUnavailable, match="never"):
        await transport.subscribe_foreign(source)


async def test_forgetting_a_bridge_that_never_was_does_nothing(connect: Connect) -> None:
    transport = await connect()

    await soon(transport.forget(BridgeQueue("b")))

    assert await soon(transport.inspect(BridgeQueue("b"))) is None


@on_rabbitmq
async def test_messages_of_an_exchange_come_in_order_and_again_to_the_next_in_line(
    connect: Connect, shop: Shop
) -> None:
    first, second = await connect(), await connect()
    source = ForeignSource("b", shop.exchange_name, ("paid", "shipped"))
    active, standby = await first.subscribe_foreign(source), await second.subscribe_foreign(source)
    for number in range(9):
        await shop.publish(("paid", "shipped", "other")[number % 3], number, headers={"n": number})

    taken = await take(active, 6)
    active.acknowledge(taken[:2])
    await active.close()
    left = await take(standby, 4)
    raw = decode_command(taken[0].bodies[0])

    assert texts(taken) == ["0", "1", "3", "4", "6", "7"]
    assert texts(left) == ["3", "4", "6", "7"]
    assert all(one.redelivered for one in left)
    assert (raw.routing_key, raw.headers["n"], raw.headers["exchange"]) == ("paid", 0, shop.exchange_name)


@on_rabbitmq
async def test_a_queue_of_others_is_shared_and_stays_when_the_bridge_is_forgotten(connect: Connect, shop: Shop) -> None:
    transport = await connect()
    subscription = await transport.subscribe_foreign(ForeignSource("b", queue=shop.queue_name))
    await shop.publish(shop.queue_name, "a", to_queue=True)
    assert texts(await take(subscription, 1)) == ['"a"']
    await subscription.close()

    await soon(transport.forget(BridgeQueue("b")))

    assert await shop.waiting(shop.queue_name) == 1


@on_rabbitmq
async def test_who_reads_for_a_bridge_that_is_forgotten_loses_it(connect: Connect, shop: Shop) -> None:
    transport = await connect()
    subscription = await transport.subscribe_foreign(ForeignSource("b", shop.exchange_name))
    taking = asyncio.create_task(subscription.take())

    await soon(transport.forget(BridgeQueue("b")))

    with pytest.raises(SubscriptionLost):
        await soon(taking)
