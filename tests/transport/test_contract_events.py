"""The transport contract about events: one suite for every transport."""

import asyncio

import pytest

from leveret_broker.address import EventTopic, ListenerQueue
from leveret_broker.errors import SubscriptionLost, TransportClosed
from leveret_broker.topics import matches
from leveret_broker.transport import DELIVERY_LIMIT
from tests.transport.harness import Connect, bodies, confirmed, consume, numbered, of_sender, soon, take

AUDIT = ListenerQueue("audit")
DONE = EventTopic("workflow.shop.Order.completed", "o1")
BEGUN = EventTopic("workflow.shop.Order.dispatched", "o1")
TASK = EventTopic("service.Hotel.started", "t1")


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [
        ("#", True),
        ("workflow.#", True),
        ("workflow.#.completed", True),
        ("workflow.shop.Order.completed", True),
        ("workflow.shop.*.completed", True),
        ("workflow.shop.Order.completed.#", True),
        ("workflow.*.completed", False),
        ("workflow.#.failed", False),
        ("workflow.shop.Order", False),
        ("service.#", False),
    ],
)
async def test_patterns_mean_what_a_topic_exchange_means_by_them(connect: Connect, pattern: str, fits: bool) -> None:
    transport = await connect()
    subscription = await transport.subscribe_events(AUDIT, [pattern, "service.Hotel.started"], 10)

    await confirmed(transport, [transport.publish(DONE, b"event"), transport.publish(TASK, b"last")])

    assert matches(pattern, DONE.key) is fits
    assert await consume(subscription, 1 + fits) == [b"event"] * fits + [b"last"]


async def test_an_event_that_nobody_has_bound_is_confirmed_and_gone(connect: Connect) -> None:
    transport = await connect()

    await confirmed(transport, [transport.publish(DONE, b"nobody")])
    subscription = await transport.subscribe_events(AUDIT, ["#"], 10)
    await confirmed(transport, [transport.publish(DONE, b"somebody")])

    assert await consume(subscription, 1) == [b"somebody"]


async def test_each_group_gets_an_event_once_whatever_many_of_its_patterns_match(connect: Connect) -> None:
    transport = await connect()
    audit = await transport.subscribe_events(AUDIT, ["#", "workflow.#", DONE.key], 10)
    other = await transport.subscribe_events(ListenerQueue("watch"), ["workflow.#"], 10)

    await confirmed(transport, [transport.publish(DONE, b"a"), transport.publish(BEGUN, b"b")])

    assert await consume(audit, 2) == [b"a", b"b"]
    assert await consume(other, 2) == [b"a", b"b"]


async def test_patterns_are_added_to_those_of_before(connect: Connect) -> None:
    transport = await connect()
    first = await transport.subscribe_events(AUDIT, [DONE.key], 10)
    await first.close()
    second = await transport.subscribe_events(AUDIT, [BEGUN.key], 10)

    await confirmed(transport, [transport.publish(DONE, b"a"), transport.publish(BEGUN, b"b")])

    assert await consume(second, 2) == [b"a", b"b"]


async def test_patterns_are_taken_away_and_the_others_stay(connect: Connect) -> None:
    transport = await connect()
    subscription = await transport.subscribe_events(AUDIT, [DONE.key, "service.#"], 10)

    await soon(transport.rebind_events(AUDIT, [BEGUN.key], ["service.#", "workflow.never"]))
    sent = [(TASK, b"task"), (DONE, b"a"), (BEGUN, b"b")]
    await confirmed(transport, [transport.publish(topic, body) for topic, body in sent])

    assert await consume(subscription, 2) == [b"a", b"b"]


async def test_a_group_keeps_what_comes_while_nobody_listens(connect: Connect) -> None:
    sender, listener = await connect(), await connect()
    await (await listener.subscribe_events(AUDIT, ["#"], 10)).close()

    await confirmed(sender, [sender.publish(DONE, body) for body in numbered("n", 50)])
    depth = await soon(sender.inspect(AUDIT))
    subscription = await sender.subscribe_events(AUDIT, ["#"], 10)

    assert depth is not None
    assert (depth.consumers, depth.messages) == (0, 50)
    assert await consume(subscription, 50) == numbered("n", 50)


async def test_events_of_a_lane_stay_in_order(connect: Connect) -> None:
    sender, listener = await connect(), await connect()
    subscription = await listener.subscribe_events(AUDIT, ["#"], 100)

    bodies_of = {lane: numbered(lane, 200) for lane in "abc"}
    sent = [
        sender.publish(EventTopic(DONE.key, lane), bodies_of[lane][number]) for number in range(200) for lane in "abc"
    ]
    found = await consume(subscription, 600)
    await confirmed(sender, sent)

    assert all(of_sender(found, lane) == numbered(lane, 200) for lane in "abc")


async def test_one_subscription_is_active_and_the_next_one_gets_what_it_leaves_in_order(connect: Connect) -> None:
    first, second = await connect(), await connect()
    active = await first.subscribe_events(AUDIT, ["#"], 10)
    standby = await second.subscribe_events(AUDIT, ["#"], 10)
    await confirmed(first, [first.publish(DONE, body) for body in numbered("n", 30)])

    taken = await take(active, 5)
    active.acknowledge(taken[:2])
    await active.close()
    left = await consume(standby, 28)

    assert bodies(taken)[:2] + left == numbered("n", 30)


async def test_the_prefetch_bounds_what_is_unacknowledged(connect: Connect) -> None:
    transport = await connect()
    subscription = await transport.subscribe_events(AUDIT, ["#"], 3)
    await confirmed(transport, [transport.publish(DONE, body) for body in numbered("n", 9)])

    taken = await take(subscription, 3)
    subscription.acknowledge(taken)
    more = await take(subscription, 3)

    assert bodies(taken) + bodies(more) == numbered("n", 9)[:6]


async def test_an_event_that_comes_back_too_often_becomes_a_dead_letter_of_its_group(connect: Connect) -> None:
    transport = await connect()
    letters = await transport.subscribe_dead_letters()
    await (await transport.subscribe_events(AUDIT, ["#"], 1)).close()
    await confirmed(transport, [transport.publish(DONE, b"poison")])
    for _ in range(DELIVERY_LIMIT + 1):
        subscription = await transport.subscribe_events(AUDIT, ["#"], 1)
        await take(subscription, 1)
        await subscription.close()

    (letter,) = await take(letters, 1)

    assert (letter.bodies, letter.source, letter.reason) == ((b"poison",), "@listener.audit", "delivery_limit")


async def test_an_event_can_be_sent_to_one_group_only(connect: Connect) -> None:
    transport = await connect()
    audit = await transport.subscribe_events(AUDIT, ["workflow.#"], 10)
    other = await transport.subscribe_events(ListenerQueue("watch"), ["workflow.#"], 10)

    await confirmed(transport, [transport.publish(AUDIT, b"again"), transport.publish(DONE, b"new")])

    assert await consume(audit, 2) == [b"again", b"new"]
    assert await consume(other, 1) == [b"new"]


async def test_a_group_that_is_forgotten_is_gone_with_what_it_had(connect: Connect) -> None:
    transport = await connect()
    await (await transport.subscribe_events(AUDIT, ["#"], 10)).close()
    await confirmed(transport, [transport.publish(DONE, b"old")])

    await soon(transport.forget(AUDIT))
    await soon(transport.forget(ListenerQueue("never")))
    assert await soon(transport.inspect(AUDIT)) is None
    await confirmed(transport, [transport.publish(DONE, b"between")])
    subscription = await transport.subscribe_events(AUDIT, ["#"], 10)
    await confirmed(transport, [transport.publish(DONE, b"new")])

    assert await consume(subscription, 1) == [b"new"]


async def test_who_takes_from_a_group_that_is_forgotten_loses_it(connect: Connect) -> None:
    first, second = await connect(), await connect()
    subscription = await first.subscribe_events(AUDIT, ["#"], 10)
    taking = asyncio.create_task(subscription.take())
    await confirmed(first, [])

    await soon(second.forget(AUDIT))

    with pytest.raises(SubscriptionLost):
        await soon(taking)


async def test_taking_from_a_group_ends_with_its_queue_or_its_transport(connect: Connect) -> None:
    transport = await connect()
    subscription = await transport.subscribe_events(AUDIT, ["#"], 10)

    await transport.close()

    with pytest.raises((TransportClosed, SubscriptionLost)):
        await soon(subscription.take())
