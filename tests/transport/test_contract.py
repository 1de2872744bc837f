"""The transport contract: one suite for every transport."""

import asyncio
from collections.abc import Callable

import pytest

from leveret_broker.address import CONTROL, MailboxQueue, ReplyQueue, ServiceQueue
from leveret_broker.errors import TransportClosed
from leveret_broker.transport import Transport
from tests.transport.harness import Connect, bodies, confirmed, consume, numbered, of_sender, soon, take

QUEUE = MailboxQueue("Booking", 3)
OTHER = MailboxQueue("Booking", 4)
SERVICE = ServiceQueue("Hotel")


def nothing() -> None:
    pass


# -- mailbox queues ---------------------------------------------------------------------------------------------------


async def test_bodies_arrive_in_the_order_of_the_publish_calls_of_each_sender(connect: Connect) -> None:
    receiver, senders = await connect(), {name: await connect() for name in "abc"}
    subscriptions = [await receiver.subscribe_mailbox(queue) for queue in (QUEUE, OTHER)]

    async def send(name: str) -> None:
        publishes: list[asyncio.Future[None]] = []
        for number, body in enumerate(numbered(name, 600)):
            publishes += [senders[name].publish(QUEUE, body), senders[name].publish(OTHER, body)]
            if number % 50 == 0:
                await senders[name].flow()
                await publishes[-1]
        await confirmed(senders[name], publishes)

    sending = [asyncio.create_task(send(name)) for name in senders]
    found = await asyncio.gather(*[consume(subscription, 1800) for subscription in subscriptions])
    await soon(asyncio.gather(*sending))

    for queue in found:
        for name in senders:
            assert of_sender(queue, name) == numbered(name, 600)


async def test_a_body_published_before_the_queue_exists_is_not_lost(connect: Connect) -> None:
    sender, receiver = await connect(), await connect()

    await confirmed(sender, [sender.publish(QUEUE, b"first")])
    subscription = await receiver.subscribe_mailbox(QUEUE)

    assert await consume(subscription, 1) == [b"first"]


async def test_bodies_published_together_share_deliveries(connect: Connect) -> None:
    transport = await connect()
    subscription = await transport.subscribe_mailbox(QUEUE)

    await confirmed(transport, [transport.publish(QUEUE, body) for body in numbered("n", 400)])
    deliveries = await take(subscription, 400)

    assert bodies(deliveries) == numbered("n", 400)
    assert len(deliveries) <= 10


async def test_large_bodies_keep_their_place(connect: Connect) -> None:
    transport = await connect()
    subscription = await transport.subscribe_mailbox(QUEUE)
    sent = [b"small", b"x" * 1_000_000, b"between", b"", b"y" * 300_000, b"last"]

    await confirmed(transport, [transport.publish(QUEUE, body) for body in sent])

    assert await consume(subscription, 6) == sent


async def test_only_the_first_subscription_is_active(connect: Connect) -> None:
    first, second = await connect(), await connect()
    active = await first.subscribe_mailbox(QUEUE)
    standby = await second.subscribe_mailbox(QUEUE)

    waiting = asyncio.create_task(standby.take())
    for body in numbered("n", 5):
        await confirmed(second, [second.publish(QUEUE, body)])
        assert await consume(active, 1) == [body]

    assert not waiting.done()
    waiting.cancel()


async def test_closing_hands_what_is_not_acknowledged_to_the_next_in_order(connect: Connect) -> None:
    first, second = await connect(), await connect()
    active, standby = await first.subscribe_mailbox(QUEUE), await second.subscribe_mailbox(QUEUE)
    for body in numbered("n", 10):
        await confirmed(first, [first.publish(QUEUE, body)])
    deliveries = await take(active, 10)
    assert not any(delivery.redelivered for delivery in deliveries)
    kept = len(deliveries[0].bodies)

    active.acknowledge(deliveries[:1])
    await active.close()
    assert not active.lost
    again = await take(standby, 10 - kept)

    assert bodies(again) == numbered("n", 10)[kept:]
    assert all(delivery.redelivered for delivery in again)


async def test_what_was_not_taken_yet_is_handed_over_behind_what_was(connect: Connect) -> None:
    first, second = await connect(), await connect()
    active, standby = await first.subscribe_mailbox(QUEUE), await second.subscribe_mailbox(QUEUE)
    await confirmed(first, [first.publish(QUEUE, b"taken")])
    assert bodies(await take(active, 1)) == [b"taken"]
    for body in numbered("n", 3):
        await confirmed(first, [first.publish(QUEUE, body)])

    await active.close()

    assert bodies(await take(standby, 4)) == [b"taken", *numbered("n", 3)]


async def test_an_acknowledgement_lasts_once_the_subscription_is_closed(connect: Connect) -> None:
    first, second = await connect(), await connect()
    active = await first.subscribe_mailbox(QUEUE)
    for body in numbered("n", 5):
        await confirmed(first, [first.publish(QUEUE, body)])
    deliveries = await take(active, 5)

    active.acknowledge(deliveries)
    await active.close()
    subscription = await second.subscribe_mailbox(QUEUE)
    await confirmed(second, [second.publish(QUEUE, b"next")])

    assert await consume(subscription, 1) == [b"next"]


async def test_tags_of_deliveries_rise(connect: Connect) -> None:
    transport = await connect()
    subscription = await transport.subscribe_mailbox(QUEUE)

    tags: list[int] = []
    for body in numbered("n", 4):
        await confirmed(transport, [transport.publish(QUEUE, body)])
        tags += [delivery.tag for delivery in await take(subscription, 1)]

    assert tags == sorted(set(tags))


async def test_an_acknowledgement_of_a_lost_subscription_is_no_error(connect: Connect) -> None:
    transport = await connect()
    subscription = await transport.subscribe_mailbox(QUEUE)
    await confirmed(transport, [transport.publish(QUEUE, b"body")])
    deliveries = await take(subscription, 1)

    await subscription.close()
    subscription.acknowledge(deliveries)

    assert bodies(await take(await transport.subscribe_mailbox(QUEUE), 1)) == [b"body"]


# -- publishing -------------------------------------------------------------------------------------------------------


async def test_a_confirmed_body_is_in_the_queue(connect: Connect) -> None:
    transport, observer = await connect(), await connect()
    await (await transport.subscribe_mailbox(QUEUE)).close()

    await confirmed(transport, [transport.publish(QUEUE, b"body")])
    depth = await observer.inspect(QUEUE)

    assert depth is not None
    assert depth.messages >= 1


async def test_flow_waits_while_too_much_is_unconfirmed(connect: Connect) -> None:
    transport = await connect()
    publishes = [transport.publish(QUEUE, b"body") for _ in range(12_000)]
    assert not any(publish.done() for publish in publishes)

    await soon(transport.flow())

    assert sum(publish.done() for publish in publishes) > 2_000


async def test_close_sends_what_is_published(connect: Connect, make: Callable[[], Transport]) -> None:
    sender, receiver = make(), await connect()
    await sender.open(10)
    publishes = [sender.publish(QUEUE, body) for body in numbered("n", 500)]

    await sender.close()

    assert all(publish.done() and publish.exception() is None for publish in publishes)
    assert await consume(await receiver.subscribe_mailbox(QUEUE), 500) == numbered("n", 500)


# -- replies and control ----------------------------------------------------------------------------------------------


async def test_a_reply_reaches_its_client_only(connect: Connect) -> None:
    first, second, sender = await connect(), await connect(), await connect()
    heard: list[tuple[str, bytes]] = []
    enough = asyncio.Event()

    def hears(client: str) -> Callable[[bytes], None]:
        def on_body(body: bytes) -> None:
            heard.append((client, body))
            if len(heard) == 2:
                enough.set()

        return on_body

    await first.subscribe_replies("one", hears("one"), nothing)
    await second.subscribe_replies("two", hears("two"), nothing)
    await confirmed(sender, [sender.publish(ReplyQueue(name), name.encode()) for name in ("one", "two", "nobody")])
    await soon(enough.wait())

    assert sorted(heard) == [("one", b"one"), ("two", b"two")]


async def test_a_control_message_reaches_every_node(connect: Connect) -> None:
    nodes = [await connect() for _ in range(3)]
    heard: list[asyncio.Queue[bytes]] = [asyncio.Queue() for _ in nodes]
    for node, queue in zip(nodes, heard):
        await node.subscribe_control(queue.put_nowait)

    await confirmed(nodes[0], [nodes[0].publish(CONTROL, b"all hands")])

    assert [await soon(queue.get()) for queue in heard] == [b"all hands"] * 3


async def test_a_callback_that_raises_is_called_again(connect: Connect) -> None:
    transport = await connect()
    heard: asyncio.Queue[bytes] = asyncio.Queue()

    def on_body(body: bytes) -> None:
        heard.put_nowait(body)
        raise ValueError("a mistake of the embedder")

    await transport.subscribe_control(on_body)
    asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
    await confirmed(transport, [transport.publish(CONTROL, b"first"), transport.publish(CONTROL, b"second")])

    assert [await soon(heard.get()), await soon(heard.get())] == [b"first", b"second"]


async def test_a_closed_listener_hears_nothing(connect: Connect) -> None:
    transport = await connect()
    closed: list[bytes] = []
    heard: asyncio.Queue[bytes] = asyncio.Queue()
    listener = await transport.subscribe_control(closed.append)
    await transport.subscribe_control(heard.put_nowait)

    await listener.close()
    await confirmed(transport, [transport.publish(CONTROL, b"body")])

    assert await soon(heard.get()) == b"body"
    assert closed == []


# -- the namespace record ---------------------------------------------------------------------------------------------


async def test_the_first_proposal_settles_the_number_of_mailbox_queues(connect: Connect) -> None:
    racers = [await connect() for _ in range(4)]

    counts = await soon(asyncio.gather(*[racer.mailbox_count("Booking", 2 + n) for n, racer in enumerate(racers)]))
    late = await connect()

    assert len(set(counts)) == 1
    assert counts[0] in {2, 3, 4, 5}
    assert await soon(late.mailbox_count("Booking", 64)) == counts[0]
    assert await soon(late.mailbox_count("Payment", 64)) == 64
    assert await soon(racers[0].mailbox_count("Payment", 1)) == 64


# -- looking at queues ------------------------------------------------------------------------------------------------


async def test_inspect_finds_no_queue_that_nobody_declared(connect: Connect) -> None:
    transport = await connect()

    assert await soon(transport.inspect(QUEUE)) is None
    assert await soon(transport.inspect(SERVICE)) is None


async def test_inspect_counts_consumers_and_ready_messages(connect: Connect) -> None:
    transport, observer = await connect(), await connect()
    subscription = await transport.subscribe_service(SERVICE, 1)

    await confirmed(transport, [transport.publish(SERVICE, body) for body in numbered("n", 3)])
    await take(subscription, 1)
    depth = await soon(observer.inspect(SERVICE))

    assert depth is not None
    assert (depth.consumers, depth.messages) == (1, 2)


# -- the end ----------------------------------------------------------------------------------------------------------


async def test_close_wakes_every_waiter(connect: Connect) -> None:
    transport = await connect()
    subscriptions = [
        await transport.subscribe_mailbox(QUEUE),
        await transport.subscribe_service(SERVICE, 5),
        await transport.subscribe_dead_letters(),
    ]
    waiters = [asyncio.create_task(subscription.take()) for subscription in subscriptions]

    await soon(transport.close())

    for waiter in waiters:
        with pytest.raises(TransportClosed):
            await soon(waiter)
    with pytest.raises(TransportClosed):
        await soon(transport.publish(QUEUE, b"too late"))
    with pytest.raises(TransportClosed):
        await soon(transport.flow())
    with pytest.raises(TransportClosed):
        await soon(transport.subscribe_mailbox(QUEUE))
    with pytest.raises(TransportClosed):
        await soon(transport.mailbox_count("Booking", 1))


async def test_closing_goes_on_when_its_caller_is_cancelled(connect: Connect) -> None:
    first, second = await connect(), await connect()
    active, standby = await first.subscribe_mailbox(QUEUE), await second.subscribe_mailbox(QUEUE)

    closing = asyncio.create_task(active.close())
    await asyncio.sleep(0)
    closing.cancel()
    await confirmed(second, [second.publish(QUEUE, b"body")])

    assert await consume(standby, 1) == [b"body"]


async def test_closing_twice_does_nothing(connect: Connect) -> None:
    transport = await connect()
    subscription = await transport.subscribe_mailbox(QUEUE)

    await subscription.close()
    await subscription.close()
    await transport.close()

    await soon(transport.close())


async def test_closing_a_subscription_wakes_who_takes_from_it(connect: Connect) -> None:
    transport = await connect()
    subscription = await transport.subscribe_mailbox(QUEUE)
    taking = asyncio.create_task(subscription.take())

    await subscription.close()

    with pytest.raises(TransportClosed):
        await soon(taking)
