"""Subscribing to a quorum queue that somebody else is just declaring: its name is taken, nothing runs behind it yet.

RabbitMQ ends the whole connection of who consumes then. The broker is brought into that state by hand.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Iterator

import pytest
from loguru import logger

from leveret_broker.address import DEAD_LETTERS, MailboxQueue, ServiceQueue
from leveret_broker.rabbitmq import RabbitTransport
from leveret_broker.rabbitmq.topology import Topology
from leveret_broker.transport import Subscription
from tests.servers import RabbitServer
from tests.transport.harness import bodies, confirmed, consume, soon

MAILBOX, SERVICE = MailboxQueue("Booking", 0), ServiceQueue("Hotel")


@contextlib.asynccontextmanager
async def opened(server: RabbitServer, namespace: str) -> AsyncGenerator[RabbitTransport]:
    transport = RabbitTransport(server.url, namespace)
    await transport.open(20)
    try:
        yield transport
    finally:
        await transport.close()


async def subscribe(transport: RabbitTransport, queue: MailboxQueue | ServiceQueue | None) -> Subscription:
    if isinstance(queue, MailboxQueue):
        return await transport.subscribe_mailbox(queue)
    return await (transport.subscribe_dead_letters() if queue is None else transport.subscribe_service(queue, 1))


@pytest.fixture
def refused() -> Iterator[asyncio.Event]:
    """Set once the broker has refused a message."""
    refused = asyncio.Event()

    def hear(message: object) -> None:
        if "did not take a message" in str(message):
            refused.set()

    logger.enable("leveret_broker")
    sink = logger.add(hear, level="DEBUG")
    yield refused
    logger.remove(sink)


async def ra(server: RabbitServer, verb: str, name: str) -> None:
    """Have the process behind a queue stop, or start."""
    await asyncio.to_thread(server.ctl, "eval", f"ok = ra:{verb}(quorum_queues, {{'%2F_{name}', node()}}).")


@pytest.mark.parametrize("queue", [MAILBOX, SERVICE, None], ids=["mailbox", "service", "dead-letters"])
async def test_a_queue_that_is_just_coming_up_costs_no_connection(
    rabbit: RabbitServer, namespace: str, refused: asyncio.Event, queue: MailboxQueue | ServiceQueue | None
) -> None:
    topology = Topology(namespace)
    name = topology.dead if queue is None else topology.queue_name(queue)
    address = DEAD_LETTERS if queue is None else queue
    async with opened(rabbit, namespace) as first, opened(rabbit, namespace) as second:
        await (await subscribe(first, queue)).close()
        other = await second.subscribe_service(ServiceQueue("Car"), 1)
        await ra(rabbit, "stop_server", name)

        subscribing = asyncio.create_task(subscribe(second, queue))
        await soon(refused.wait())
        await ra(rabbit, "restart_server", name)
        subscription = await soon(subscribing)
        await confirmed(second, [second.publish(address, b"one"), second.publish(ServiceQueue("Car"), b"two")])

        assert await consume(subscription, 1) == [b"one"]
        assert await consume(other, 1) == [b"two"]


async def test_nobody_hears_of_a_probe_and_a_queue_that_holds_something_gets_none(
    rabbit: RabbitServer, namespace: str
) -> None:
    async with opened(rabbit, namespace) as transport:
        asked = await transport.subscribe_service(SERVICE, 1)
        await confirmed(transport, [transport.publish(SERVICE, b"one"), transport.publish(MAILBOX, b"two")])
        spared = await transport.subscribe_mailbox(MAILBOX)

        behind_a_probe, first = await soon(asked.take()), await soon(spared.take())

        assert (bodies(behind_a_probe), behind_a_probe[0].tag) == ([b"one"], 2)
        assert (bodies(first), first[0].tag) == ([b"two"], 1)
