"""One queue of the memory hub, and the line of those who take from it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final, TypeAlias

from leveret_broker.address import (
    Address,
    DeadLetterQueue,
    ForeignQueue,
    ListenerQueue,
    MailboxQueue,
    ReplyQueue,
    ServiceQueue,
    service_of,
)
from leveret_broker.errors import SubscriptionLost, TransportClosed
from leveret_broker.parcel import fits
from leveret_broker.transport import DELIVERY_LIMIT, Delivery, Subscription

MAILBOX_PREFETCH: Final = 32
"""Parcels that a mailbox subscription holds unacknowledged."""
OVERDELIVERED: Final = "delivery_limit"
"""The reason of such a dead letter, as RabbitMQ names it."""

QueueAddress: TypeAlias = MailboxQueue | ServiceQueue | DeadLetterQueue | ListenerQueue


class Item:
    """One body in a queue."""

    __slots__ = ("body", "deliveries", "reason", "source")

    def __init__(self, body: bytes, reason: str = "", source: str = "") -> None:
        self.body = body
        self.deliveries = 0
        self.reason = reason
        self.source = source


class HubQueue:
    """A queue: its bodies, oldest first, and who takes them."""

    def __init__(self, address: QueueAddress) -> None:
        self.address = address
        self.items: deque[Item] = deque()
        self.consumers: list[MemorySubscription] = []
        self.exclusive = isinstance(address, MailboxQueue | ListenerQueue)
        self.bundles = isinstance(address, MailboxQueue)
        self.bury: Callable[[Item], None] | None = None
        """Takes what was delivered too often; None keeps it."""

    def put(self, item: Item) -> None:
        """Append a body and wake who may take it."""
        self.items.append(item)
        self.wake()

    def serves(self, subscription: MemorySubscription) -> bool:
        """Tell whether this subscription may take now: where order counts only the first in line."""
        return not self.exclusive or self.consumers[:1] == [subscription]

    def wake(self) -> None:
        """Wake the waiting consumers; the first that runs takes what its prefetch allows."""
        for subscription in self.consumers[:1] if self.exclusive else self.consumers:
            subscription.wake()

    def leave(self, subscription: MemorySubscription, items: Iterable[Item]) -> None:
        """Take a consumer off and put what it had not acknowledged back in front, in its old order."""
        if subscription in self.consumers:
            self.consumers.remove(subscription)
        self.items.extendleft(reversed([item for item in items if not self._overdelivered(item)]))
        self.wake()

    def _overdelivered(self, item: Item) -> bool:
        if self.bury is None or item.deliveries <= DELIVERY_LIMIT:
            return False
        self.bury(Item(item.body, OVERDELIVERED, service_of(str(self.address))))
        return True


class MemorySubscription(Subscription):
    """A place in a hub queue's line of consumers."""

    def __init__(self, queue: HubQueue, prefetch: int) -> None:
        self._queue = queue
        self._prefetch = prefetch
        self._loop = asyncio.get_running_loop()
        self._unacknowledged: dict[int, list[Item]] = {}
        self._tag = 0
        self._waiter: asyncio.Future[None] | None = None
        self._error: Exception | None = None
        queue.consumers.append(self)

    async def take(self) -> list[Delivery]:
        """Wait for deliveries; see `Subscription`."""
        await asyncio.sleep(0)
        while True:
            if self._error is not None:
                raise self._error
            if deliveries := self._at_hand():
                return deliveries
            self._waiter = self._loop.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None

    def acknowledge(self, deliveries: Iterable[Delivery]) -> None:
        """Forget these deliveries; see `Subscription`."""
        for delivery in deliveries:
            self._unacknowledged.pop(delivery.tag, None)
        if self._error is None:
            self.wake()

    async def close(self) -> None:
        """Leave the line; see `Subscription`."""
        self.end(TransportClosed("the subscription was closed"))

    @property
    def live(self) -> bool:
        """False once it is lost or closed."""
        return self._error is None

    @property
    def lost(self) -> bool:
        """See `Subscription`."""
        return isinstance(self._error, SubscriptionLost)

    def detach(self) -> None:
        """Give everything back to the hub without the owner of this subscription knowing (yet)."""
        items = [item for items in self._unacknowledged.values() for item in items]
        self._unacknowledged.clear()
        self._queue.leave(self, items)

    def end(self, error: Exception) -> None:
        """Detach, and let the owner know by `error`."""
        self.detach()
        if self._error is None:
            self._error = error
        self.wake()

    def touch(self, error: Exception) -> None:
        """Set the error that the next `take` finds; one that is waiting goes on waiting."""
        self._error = error

    def wake(self) -> None:
        """Let a waiting `take` look again."""
        run_in(self._loop, self._resume)

    def _resume(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _at_hand(self) -> list[Delivery]:
        deliveries: list[Delivery] = []
        queue = self._queue
        if not queue.serves(self):
            return deliveries
        while queue.items and len(self._unacknowledged) < self._prefetch:
            items = self._next_items()
            self._tag += 1
            self._unacknowledged[self._tag] = items
            first = items[0]
            earlier = first.deliveries
            for item in items:
                item.deliveries += 1
            bodies = tuple([item.body for item in items])
            deliveries.append(Delivery(self._tag, bodies, earlier > 0, first.reason, first.source, earlier))
        if deliveries and not queue.exclusive:  # the next one to be woken first is somebody else
            queue.consumers.remove(self)
            queue.consumers.append(self)
        return deliveries

    def _next_items(self) -> list[Item]:
        waiting = self._queue.items
        items = [waiting.popleft()]
        if not self._queue.bundles:
            return items
        size = len(items[0].body)
        seen = items[0].deliveries > 0
        while waiting and (waiting[0].deliveries > 0) == seen and fits(len(items), size, waiting[0].body):
            size += len(waiting[0].body)
            items.append(waiting.popleft())
        return items


def listener_of(address: Address) -> str:
    """Return the name under which somebody may listen; the empty one is the control exchange."""
    if isinstance(address, ForeignQueue):
        return address.queue
    return address.client if isinstance(address, ReplyQueue) else ""


def run_in(loop: asyncio.AbstractEventLoop, call: Callable[..., None], *args: object) -> None:
    """Call in this loop: at once when it is the running one, else through its thread-safe door."""
    if asyncio.events._get_running_loop() is loop:  # noqa: SLF001
        call(*args)
    elif not loop.is_closed():
        loop.call_soon_threadsafe(call, *args)
