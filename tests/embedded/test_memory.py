"""What a simulation can do to a memory hub."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from leveret_broker.address import CONTROL, Address, MailboxQueue, ReplyQueue, ServiceQueue
from leveret_broker.embedded.memory import MemoryTransport
from leveret_broker.errors import SubscriptionLost, TransportClosed
from leveret_broker.transport import Delivery

QUEUE = MailboxQueue("Booking", 0)
BODIES = [b"%03d" % number for number in range(250)]


@pytest.fixture
async def pair(namespace: str) -> AsyncIterator[tuple[MemoryTransport, MemoryTransport]]:
    """Two transports of one hub."""
    transports = MemoryTransport(namespace, "test"), MemoryTransport(namespace, "test")
    for transport in transports:
        await transport.open()
    yield transports
    for transport in transports:
        await transport.close()


Pair = tuple[MemoryTransport, MemoryTransport]


async def publish(transport: MemoryTransport, bodies: list[bytes], address: Address = QUEUE) -> None:
    await asyncio.gather(*[transport.publish(address, body) for body in bodies])


def bodies(deliveries: list[Delivery]) -> list[bytes]:
    return [body for delivery in deliveries for body in delivery.bodies]


async def test_parcels_go_back_in_their_order(pair: Pair) -> None:
    first, second = pair
    active, standby = await first.subscribe_mailbox(QUEUE), await second.subscribe_mailbox(QUEUE)
    await publish(first, BODIES)
    deliveries = await active.take()
    await publish(first, [b"late"])

    active.acknowledge(deliveries[:1])
    await active.close()

    again = await standby.take()
    assert bodies(again) == [*BODIES[100:], b"late"]
    assert [delivery.redelivered for delivery in again] == [True, True, False]


async def test_a_crash_gives_back_and_ends_everything(pair: Pair) -> None:
    victim, other = pair
    subscription, standby = await victim.subscribe_mailbox(QUEUE), await other.subscribe_mailbox(QUEUE)
    await publish(other, BODIES)
    await subscription.take()
    waiting = asyncio.create_task(subscription.take())
    unsent = victim.publish(QUEUE, b"never")

    victim.hub.crash(victim)

    with pytest.raises(SubscriptionLost):
        await waiting
    with pytest.raises(TransportClosed):
        await unsent
    assert bodies(await standby.take()) == BODIES


async def test_a_zombie_does_not_know_until_it_looks(pair: Pair) -> None:
    zombie, other = pair
    hub = zombie.hub
    subscription, standby = await zombie.subscribe_mailbox(QUEUE), await other.subscribe_mailbox(QUEUE)
    await publish(other, BODIES[:3])
    deliveries = await subscription.take()
    waiting = asyncio.create_task(subscription.take())
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    hub.cut(zombie)
    unsent = zombie.publish(QUEUE, b"later")
    subscription.acknowledge(deliveries)
    coming_back = asyncio.create_task(zombie.subscribe_mailbox(QUEUE))

    taken = await standby.take()
    standby.acknowledge(taken)
    assert bodies(taken) == BODIES[:3]
    assert [one.done() for one in (waiting, unsent, coming_back)] == [False] * 3
    hub.relink(zombie)
    with pytest.raises(SubscriptionLost):
        await waiting
    await unsent
    await coming_back
    assert bodies(await standby.take()) == [b"later"]


async def test_a_zombie_that_looks_has_lost_its_subscription(pair: Pair) -> None:
    zombie, _ = pair
    subscription = await zombie.subscribe_mailbox(QUEUE)

    zombie.hub.cut(zombie)

    with pytest.raises(SubscriptionLost):
        await subscription.take()
    zombie.hub.relink(zombie)


async def test_replies_are_restored_after_a_cut(pair: Pair) -> None:
    zombie, other = pair
    heard: list[bytes] = []
    restored = asyncio.Event()
    await zombie.subscribe_replies("me", heard.append, restored.set)
    await zombie.subscribe_control(heard.append)

    zombie.hub.cut(zombie)
    await publish(other, [b"missed"], ReplyQueue("me"))
    await publish(other, [b"missed"], CONTROL)
    zombie.hub.relink(zombie)
    await restored.wait()
    await publish(other, [b"heard"], ReplyQueue("me"))
    await asyncio.sleep(0)

    assert heard == [b"heard"]


async def test_a_publish_may_arrive_twice(pair: Pair) -> None:
    first, _ = pair
    first.hub.duplicate = lambda address, body: body == b"twice"
    subscription = await first.subscribe_mailbox(QUEUE)

    await publish(first, [b"once", b"twice", b"last"])

    assert bodies(await subscription.take()) == [b"once", b"twice", b"twice", b"last"]


async def test_a_lost_confirmation_sends_again_and_keeps_the_order(pair: Pair) -> None:
    first, _ = pair
    first.hub.lose_confirm = lambda address, body: body == b"lost"
    subscription = await first.subscribe_mailbox(QUEUE)

    await publish(first, [b"before", b"lost", b"after"])

    assert bodies(await subscription.take()) == [b"before", b"lost", b"lost", b"after"]


async def test_a_cancelled_take_loses_nothing(pair: Pair) -> None:
    first, _ = pair
    subscription = await first.subscribe_service(ServiceQueue("Hotel"), 5)
    waiting = asyncio.create_task(subscription.take())
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    await first.publish(ServiceQueue("Hotel"), b"task")
    waiting.cancel()

    deliveries = await asyncio.gather(waiting, return_exceptions=True)
    if isinstance(deliveries[0], asyncio.CancelledError):
        assert bodies(await subscription.take()) == [b"task"]
