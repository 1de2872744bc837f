"""What a subscription hands on, and when."""

import asyncio
from typing import cast

import pytest

from leveret_broker.address import DEAD_LETTERS, Address
from leveret_broker.errors import PublishFailed, SubscriptionLost
from leveret_broker.rabbitmq.connection import Connection
from leveret_broker.rabbitmq.consumer import Arrived, QueueSubscription, parcel_reader
from leveret_broker.rabbitmq.inlet import Message
from leveret_broker.transport import Delivery
from tests.transport.harness import soon


class NeverBlocked:
    blocked = False


def subscription_of(arrivals: list[Arrived]) -> QueueSubscription:
    """A subscription without a channel, whose next messages are read as `arrivals`."""
    coming = iter(arrivals)
    publishing = cast("Connection", NeverBlocked())
    return QueueSubscription("queue", lambda _message: next(coming), publishing, lambda _subscription: None)


MESSAGE = Message(0, b"", redelivered=False, headers={})


async def test_a_delivery_waits_until_its_dead_letter_is_confirmed_and_those_behind_it_too() -> None:
    dead_letter: asyncio.Future[None] = asyncio.Future()
    deliveries = [Delivery(1, (b"good",)), Delivery(2, ()), Delivery(3, (b"too",))]
    subscription = subscription_of(
        [Arrived(deliveries[0]), Arrived(deliveries[1], dead_letter), Arrived(deliveries[2])]
    )
    for _ in deliveries:
        subscription._on_message(MESSAGE)

    assert await soon(subscription.take()) == deliveries[:1]
    taking = asyncio.create_task(subscription.take())
    await asyncio.sleep(0)
    assert not taking.done()
    dead_letter.set_result(None)

    assert await soon(taking) == deliveries[1:]


async def test_an_unreadable_parcel_is_published_as_a_dead_letter_with_its_reason() -> None:
    dead_letter: asyncio.Future[None] = asyncio.Future()
    published: list[tuple[Address, bytes, dict[str, str]]] = []

    def publish(address: Address, body: bytes, **told: str) -> asyncio.Future[None]:
        published.append((address, body, told))
        return dead_letter

    message = Message(7, b"\xffgarbage", redelivered=True, headers={})
    arrived = parcel_reader("Booking.0", publish)(message)

    assert arrived == (Delivery(7, (), redelivered=True), dead_letter)
    ((address, body, told),) = published
    assert (address, body, told["source"]) == (DEAD_LETTERS, b"\xffgarbage", "Booking.0")
    assert told["reason"].startswith("not a parcel")


async def test_a_dead_letter_that_cannot_be_sent_loses_the_subscription() -> None:
    dead_letter: asyncio.Future[None] = asyncio.Future()
    subscription = subscription_of([Arrived(Delivery(1, ()), dead_letter)])
    subscription._on_message(MESSAGE)

    dead_letter.set_exception(PublishFailed("refused"))

    with pytest.raises(SubscriptionLost):
        await soon(subscription.take())
    await subscription.close()
