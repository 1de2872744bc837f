"""What the transport tests share."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from leveret_broker.transport import Delivery, Subscription, Transport

SECONDS = 20.0
"""No wait of a test takes longer."""

T = TypeVar("T")
Connect = Callable[[], Awaitable[Transport]]
"""Opens one more transport to the broker and namespace of the test, as another process would."""


async def soon(awaitable: Awaitable[T], seconds: float = SECONDS) -> T:
    async with asyncio.timeout(seconds):
        return await awaitable


async def confirmed(transport: Transport, publishes: Sequence[asyncio.Future[None]]) -> None:
    await soon(asyncio.gather(*publishes))


async def take(subscription: Subscription, count: int) -> list[Delivery]:
    """Take until there are `count` bodies; acknowledge nothing."""
    deliveries: list[Delivery] = []
    while len(bodies(deliveries)) < count:
        deliveries += await soon(subscription.take())
    return deliveries


async def consume(subscription: Subscription, count: int) -> list[bytes]:
    """Take `count` bodies, acknowledging all the time."""
    found: list[bytes] = []
    while len(found) < count:
        deliveries = await soon(subscription.take())
        found += bodies(deliveries)
        subscription.acknowledge(deliveries)
    return found


def bodies(deliveries: Sequence[Delivery]) -> list[bytes]:
    return [body for delivery in deliveries for body in delivery.bodies]


def numbered(prefix: str, count: int) -> list[bytes]:
    return [f"{prefix}{number:06}".encode() for number in range(count)]


def of_sender(found: Sequence[bytes], prefix: str) -> list[bytes]:
    return [body for body in found if body.startswith(prefix.encode())]
