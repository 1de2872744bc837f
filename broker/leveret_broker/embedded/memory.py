"""The memory transport: the twin of the real ones, for tests, the simulation and `memory://`."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from leveret_broker.address import (
    COMMAND_QUEUE,
    DEAD_LETTERS,
    Address,
    BridgeQueue,
    ListenerQueue,
    MailboxQueue,
    ServiceQueue,
)
from leveret_broker.embedded.hub import HasLine, Line, Listener, hub_named
from leveret_broker.embedded.queue import MAILBOX_PREFETCH, Item, MemorySubscription, QueueAddress
from leveret_broker.errors import TransportClosed
from leveret_broker.transport import QueueDepth, Subscription, Transport

HIGH_WATER: Final = 10_000
"""Unconfirmed bodies above which `flow` waits."""
CLOSE_SECONDS: Final = 5.0
"""How long `close` waits for what is published."""
RESEND_SECONDS: Final = 0.1
"""When a body whose confirmation got lost is sent again."""


class _Unsent:
    __slots__ = ("address", "delay", "future", "item", "lost")

    def __init__(self, address: Address, item: Item, delay: float, future: asyncio.Future[None]) -> None:
        self.address = address
        self.item = item
        self.delay = delay
        self.future = future
        self.lost = False
        """Its confirmation was lost once."""


class MemoryTransport(Transport, HasLine):
    """A transport to the hub of this name, shared by all of this process.

    It uses nothing of the outside but the running loop's `call_soon`, `call_later`, `create_future` and `time`.
    """

    def __init__(self, hub_name: str, namespace: str, *, clock: Callable[[], float] = time.time) -> None:
        self.hub = hub_named(hub_name)
        self.clock = clock
        self.line = Line()
        self.namespace = namespace
        self._unsent: deque[_Unsent] = deque()
        self._scheduled = False
        self._waiters: set[asyncio.Future[None]] = set()
        self._open = False

    @property
    def connected(self) -> bool:
        """Tell whether the hub has not cut this transport off."""
        return self._open and self.line.linked

    async def open(self, deadline: float | None = None) -> None:  # noqa: ARG002
        """Connect; nothing to wait for."""
        await asyncio.sleep(0)
        self._open = True
        self.line.on_link.append(self._schedule)
        self.line.on_crash = self._crashed

    async def close(self) -> None:
        """Send out what is published, then leave; see `Transport`."""
        if not self._open:
            return
        loop = asyncio.get_running_loop()
        end = loop.time() + CLOSE_SECONDS
        while self._unsent and loop.time() < end:
            await self._pause(end - loop.time())
        self._open = False
        for subscription in self.line.subscriptions:
            subscription.end(TransportClosed("the transport was closed"))
        for listener in self.line.listeners:
            listener.drop()
        self._fail_all()

    def publish(
        self, address: Address, body: bytes, *, delay: float = 0.0, reason: str = "", source: str = ""
    ) -> asyncio.Future[None]:
        """Queue `body`; it arrives in a later turn of the loop. See `Transport`."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if not self._open:
            _fail(future)
            return future
        self._unsent.append(_Unsent(address, Item(body, reason, source), delay, future))
        self._schedule()
        return future

    async def flow(self) -> None:
        """Wait while too much is unconfirmed."""
        self._check()
        while len(self._unsent) >= HIGH_WATER:
            await self._pause()
            self._check()

    async def mailbox_count(self, kind: str, proposed: int) -> int:
        """Return the count that the first who asked proposed."""
        await self._linked()
        return self.hub.counts.setdefault((self.namespace, kind), proposed)

    async def subscribe_mailbox(self, queue: MailboxQueue) -> Subscription:
        """Stand in the mailbox's line."""
        return await self._subscribe(queue, MAILBOX_PREFETCH)

    async def subscribe_service(self, queue: ServiceQueue, prefetch: int) -> Subscription:
        """Take tasks, at most `prefetch` at a time."""
        return await self._subscribe(queue, prefetch)

    async def subscribe_dead_letters(self) -> Subscription:
        """Take the dead letters of the namespace."""
        return await self._subscribe(DEAD_LETTERS, MAILBOX_PREFETCH)

    async def subscribe_replies(
        self, client: str, on_body: Callable[[bytes], None], on_restored: Callable[[], None]
    ) -> Subscription:
        """Hear the replies to a client."""
        return await self._listen(client, on_body, on_restored)

    async def subscribe_control(self, on_body: Callable[[bytes], None]) -> Subscription:
        """Hear what is published to the control exchange."""
        return await self._listen("", on_body, None)

    async def subscribe_events(self, queue: ListenerQueue, patterns: Sequence[str], prefetch: int) -> Subscription:
        """Stand in the line of a listener group."""
        await self._linked()
        self.hub.bind(self.namespace, queue, patterns)
        return await self._subscribe(queue, prefetch)

    async def rebind_events(self, queue: ListenerQueue, bound: Sequence[str], unbound: Sequence[str]) -> None:
        """Bind and unbind."""
        await self._linked()
        self.hub.bind(self.namespace, queue, bound, unbound)

    async def forget(self, queue: ListenerQueue | BridgeQueue) -> None:
        """Remove the queue of a listener group; bridges have none here."""
        await self._linked()
        if isinstance(queue, ListenerQueue):
            self.hub.forget(self.namespace, queue)

    async def subscribe_commands(self, limit: int) -> Subscription:  # noqa: ARG002 - clients refuse what is too large
        """Stand in the line for commands."""
        return await self._subscribe(COMMAND_QUEUE, MAILBOX_PREFETCH)

    async def inspect(self, queue: MailboxQueue | ServiceQueue | ListenerQueue | BridgeQueue) -> QueueDepth | None:
        """Look at a queue."""
        await self._linked()
        found = None if isinstance(queue, BridgeQueue) else self.hub.existing(self.namespace, queue)
        return None if found is None else QueueDepth(len(found.consumers), len(found.items))

    # -- below ----------------------------------------------------------------------------------------------------

    async def _subscribe(self, address: QueueAddress, prefetch: int) -> MemorySubscription:
        await self._linked()
        queue = self.hub.queue(self.namespace, address)
        subscription = MemorySubscription(queue, prefetch)
        self.line.subscriptions = [one for one in self.line.subscriptions if one.live]
        self.line.subscriptions.append(subscription)
        return subscription

    async def _listen(
        self, client: str, on_body: Callable[[bytes], None], on_restored: Callable[[], None] | None
    ) -> Listener:
        await self._linked()
        listener = Listener(self.hub.listeners(self.namespace, client), on_body, on_restored)
        self.line.listeners.append(listener)
        return listener

    async def _linked(self) -> None:
        """Wait for a connection."""
        self._check()
        await asyncio.sleep(0)
        while not self.line.linked:
            await self._pause()
        self._check()

    def _check(self) -> None:
        if not self._open:
            raise TransportClosed("the transport is closed; open it first")

    async def _pause(self, seconds: float | None = None) -> None:
        """Wait until something has changed, or for so long."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        self._waiters.add(waiter)
        timer = None if seconds is None else loop.call_later(seconds, _resolve, waiter)
        try:
            await waiter
        finally:
            self._waiters.discard(waiter)
            if timer is not None:
                timer.cancel()

    def _changed(self) -> None:
        for waiter in tuple(self._waiters):
            _resolve(waiter)

    def _schedule(self) -> None:
        """Write out in a later turn of the loop."""
        self._changed()
        if self._scheduled or not self.line.linked or not self._unsent:
            return
        self._scheduled = True
        latency = 0.0 if self.hub.latency is None else self.hub.latency()
        loop = asyncio.get_running_loop()
        if latency > 0:
            loop.call_later(latency, self._write_out)
        else:
            loop.call_soon(self._write_out)

    def _write_out(self) -> None:
        self._scheduled = False
        while self._unsent and self.line.linked:
            first = self._unsent[0]
            self.hub.arrive(self.namespace, first.address, first.item, first.delay)
            lose = self.hub.lose_confirm
            if lose is not None and not first.lost and lose(first.address, first.item.body):
                first.lost = True
                self._scheduled = True
                asyncio.get_running_loop().call_later(RESEND_SECONDS, self._write_out)
                break
            self._unsent.popleft()
            _resolve(first.future)
        self._changed()

    def _crashed(self) -> None:
        self._open = False
        self._fail_all()

    def _fail_all(self) -> None:
        self.line.subscriptions.clear()
        self.line.listeners.clear()
        self.line.on_link.clear()
        while self._unsent:
            _fail(self._unsent.popleft().future)
        self.line.linked = True
        self._changed()


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _fail(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_exception(TransportClosed("the transport was closed before this was confirmed"))
        future.exception()  # read: nobody has to await a publish
