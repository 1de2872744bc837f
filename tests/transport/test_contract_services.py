"""The transport contract: tasks and dead letters."""

import asyncio

import pytest

from leveret_broker.address import DEAD_LETTERS, MailboxQueue, ServiceQueue
from leveret_broker.transport import DELIVERY_LIMIT
from tests.transport.harness import Connect, bodies, confirmed, consume, numbered, soon, take

QUEUE = MailboxQueue("Booking", 3)
SERVICE = ServiceQueue("Hotel")
URGENT = ServiceQueue("Hotel", "high")


def nothing() -> None:
    pass


async def test_consumers_of_a_service_compete_within_their_prefetch(connect: Connect) -> None:
    first, second = await connect(), await connect()
    few = await first.subscribe_service(SERVICE, 2)
    more = await second.subscribe_service(SERVICE, 3)

    await confirmed(first, [first.publish(SERVICE, body) for body in numbered("n", 9)])
    held_by_few, held_by_more = await take(few, 2), await take(more, 3)
    waiting = [asyncio.create_task(few.take()), asyncio.create_task(more.take())]
    depth = await first.inspect(SERVICE)

    assert (len(held_by_few), len(held_by_more)) == (2, 3)
    assert depth is not None
    assert depth.messages == 4
    assert not any(task.done() for task in waiting)
    few.acknowledge(held_by_few[1:])
    third = await soon(waiting[0])
    assert len(third) == 1
    assert len({*bodies(held_by_few), *bodies(held_by_more), *bodies(third)}) == 6
    waiting[1].cancel()


async def test_a_task_of_a_closed_subscription_goes_to_another_worker(connect: Connect) -> None:
    first, second = await connect(), await connect()
    dying = await first.subscribe_service(SERVICE, 10)
    await confirmed(first, [first.publish(SERVICE, body) for body in numbered("n", 3)])
    deliveries = await take(dying, 3)

    dying.acknowledge([delivery for delivery in deliveries if delivery.bodies != (b"n000001",)])
    await dying.close()
    again = await take(await second.subscribe_service(SERVICE, 10), 1)

    assert bodies(again) == [b"n000001"]
    assert again[0].redelivered


async def test_a_delayed_task_comes_neither_early_nor_never(connect: Connect) -> None:
    transport = await connect()
    subscription = await transport.subscribe_service(SERVICE, 10)
    loop = asyncio.get_running_loop()
    start = loop.time()

    await confirmed(transport, [transport.publish(SERVICE, b"late", delay=0.5), transport.publish(SERVICE, b"at once")])
    first = await take(subscription, 1)
    second = await take(subscription, 1)

    assert bodies(first) == [b"at once"]
    assert bodies(second) == [b"late"]
    assert loop.time() - start >= 0.45


async def test_a_long_delay_holds_no_short_one_back(connect: Connect) -> None:
    transport = await connect()
    subscription = await transport.subscribe_service(SERVICE, 10)

    await confirmed(
        transport, [transport.publish(SERVICE, b"long", delay=2), transport.publish(SERVICE, b"short", delay=0.25)]
    )
    found = [bodies(await take(subscription, 1)), bodies(await take(subscription, 1))]

    assert found == [[b"short"], [b"long"]]


async def test_a_dead_letter_tells_why_and_whence(connect: Connect) -> None:
    transport, router = await connect(), await connect()

    await confirmed(transport, [transport.publish(DEAD_LETTERS, b"bad", reason="not an envelope", source=str(QUEUE))])
    (letter,) = await take(await router.subscribe_dead_letters(), 1)

    assert letter.bodies == (b"bad",)
    assert (letter.reason, letter.source) == ("not an envelope", "Booking.3")


async def test_a_task_delivered_too_often_becomes_a_dead_letter(connect: Connect) -> None:
    transport = await connect()
    letters = await transport.subscribe_dead_letters()
    await confirmed(transport, [transport.publish(SERVICE, b"poison")])
    getting = asyncio.create_task(take(letters, 1))

    for _ in range(40):
        worker = await transport.subscribe_service(SERVICE, 1)
        taking = asyncio.create_task(worker.take())
        await soon(asyncio.wait({taking, getting}, return_when=asyncio.FIRST_COMPLETED))
        taking.cancel()
        await worker.close()
        if getting.done():
            break
    (letter,) = await soon(getting)

    assert letter.bodies == (b"poison",)
    assert (letter.reason, letter.source) == ("delivery_limit", "Hotel")


@pytest.mark.parametrize("delay", [0.0, 0.05])
async def test_a_task_waits_in_the_queue_of_its_priority(connect: Connect, delay: float) -> None:
    transport = await connect()
    urgent = await transport.subscribe_service(URGENT, 10)

    await confirmed(transport, [transport.publish(URGENT, b"urgent", delay=delay)])
    deliveries = await take(urgent, 1)

    assert bodies(deliveries) == [b"urgent"]
    assert await transport.inspect(SERVICE) is None


@pytest.mark.parametrize("delay", [0.0, 0.05])
async def test_nobody_but_a_worker_makes_the_queue_of_a_priority(connect: Connect, delay: float) -> None:
    sender, worker = await connect(), await connect()
    subscription = await worker.subscribe_service(SERVICE, 10)

    await confirmed(sender, [sender.publish(URGENT, b"first", delay=delay)])
    first = await take(subscription, 1)
    urgent = await worker.subscribe_service(URGENT, 10)
    await confirmed(sender, [sender.publish(URGENT, b"second", delay=delay)])
    second = await take(urgent, 1)

    assert (bodies(first), bodies(second)) == ([b"first"], [b"second"])


async def test_a_task_without_any_queue_waits_for_a_worker_whatever_its_priority(connect: Connect) -> None:
    transport = await connect()

    await confirmed(transport, [transport.publish(URGENT, body) for body in numbered("n", 20)])
    found = await consume(await transport.subscribe_service(SERVICE, 10), 20)

    assert sorted(found) == numbered("n", 20)


async def test_a_task_that_came_back_too_often_names_its_service_whatever_its_priority(connect: Connect) -> None:
    transport, router = await connect(), await connect()
    for delivery in range(DELIVERY_LIMIT + 1):
        worker = await transport.subscribe_service(URGENT, 1)
        if delivery == 0:
            await confirmed(transport, [transport.publish(URGENT, b"poison")])
        await take(worker, 1)
        await worker.close()

    (letter,) = await take(await router.subscribe_dead_letters(), 1)

    assert (letter.bodies, letter.source, letter.reason) == ((b"poison",), "Hotel", "delivery_limit")
