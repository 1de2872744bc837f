"""The memory hub: what stands for the broker when everything lives in one process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from leveret_broker.address import (
    COMMAND_QUEUE,
    DEAD_LETTERS,
    NORMAL,
    Address,
    CommandExchange,
    DeadLetterQueue,
    EventTopic,
    ListenerQueue,
    MailboxQueue,
    ServiceQueue,
)
from leveret_broker.embedded.queue import HubQueue, Item, MemorySubscription, QueueAddress, listener_of, run_in
from leveret_broker.errors import SubscriptionLost, TransportClosed
from leveret_broker.priorities import Fallback
from leveret_broker.topics import matches
from leveret_broker.transport import Delivery, Subscription


class Listener(Subscription):
    """A callback for replies or control."""

    def __init__(
        self, listeners: list[Listener], on_body: Callable[[bytes], None], on_restored: Callable[[], None] | None
    ) -> None:
        self._listeners = listeners
        self._on_body = on_body
        self.on_restored = on_restored
        self._loop = asyncio.get_running_loop()
        self.linked = True
        listeners.append(self)

    def hear(self, body: bytes) -> None:
        """Pass a body on, unless the connection is cut."""
        if self.linked:
            run_in(self._loop, self._call_back, body)

    def _call_back(self, body: bytes) -> None:
        self._loop.call_soon(self._tell, body)

    def _tell(self, body: bytes) -> None:
        """Call back on its own, so that what it raises is its loop's concern only."""
        if self in self._listeners:
            self._on_body(body)

    async def take(self) -> list[Delivery]:
        """Refuse: bodies come by callback."""
        raise TransportClosed("bodies of this subscription come by callback")

    def acknowledge(self, deliveries: Iterable[Delivery]) -> None:
        """Do nothing: there is nothing to acknowledge."""

    async def close(self) -> None:
        """Stop listening."""
        self.drop()

    def drop(self) -> None:
        """Stop listening, at once."""
        if self in self._listeners:
            self._listeners.remove(self)


class Line:
    """How the hub sees one transport: whether it is connected, and what it has."""

    def __init__(self) -> None:
        self.linked = True
        self.subscriptions: list[MemorySubscription] = []
        self.listeners: list[Listener] = []
        self.on_link: list[Callable[[], None]] = []
        """Called when the connection is back."""
        self.on_crash: Callable[[], None] = lambda: None


class MemoryHub:
    """Everything that transports of one name share, with the faults that a simulation asks for."""

    def __init__(self) -> None:
        self.duplicate: Callable[[Address, bytes], bool] | None = None
        """Asked per publish: True makes it arrive twice."""
        self.lose_confirm: Callable[[Address, bytes], bool] | None = None
        """Asked once per publish: True loses the confirmation, so that it is sent again."""
        self.latency: Callable[[], float] | None = None
        """Asked per write-out of a transport: the seconds it takes to arrive. None is none."""
        self.counts: dict[tuple[str, str], int] = {}
        self._queues: dict[tuple[str, QueueAddress], HubQueue] = {}
        self._listeners: dict[tuple[str, str], list[Listener]] = {}
        self._bindings: dict[str, dict[ListenerQueue, set[str]]] = {}
        """Patterns, by namespace and queue."""
        self._fallback = Fallback()

    def queue(self, namespace: str, address: QueueAddress) -> HubQueue:
        """Return the queue, declaring it if need be."""
        found = self._queues.get((namespace, address))
        if found is None:
            found = self._queues[namespace, address] = HubQueue(address)
            if isinstance(address, ServiceQueue | ListenerQueue):
                found.bury = self.queue(namespace, DEAD_LETTERS).put
        return found

    def bind(self, namespace: str, queue: ListenerQueue, patterns: Iterable[str], unbound: Iterable[str] = ()) -> None:
        """Have events whose keys match go to a queue as well, and no more for those that are `unbound`."""
        bound = self._bindings.setdefault(namespace, {}).setdefault(queue, set())
        bound.update(patterns)
        bound.difference_update(unbound)

    def forget(self, namespace: str, queue: ListenerQueue) -> None:
        """Remove a queue of events; whoever takes from it loses it."""
        self._bindings.get(namespace, {}).pop(queue, None)
        found = self._queues.pop((namespace, queue), None)
        for subscription in tuple(found.consumers) if found else ():
            subscription.end(SubscriptionLost("its queue was removed"))

    def existing(self, namespace: str, address: QueueAddress) -> HubQueue | None:
        """Return the queue, None when nobody declared it."""
        return self._queues.get((namespace, address))

    def listeners(self, namespace: str, client: str) -> list[Listener]:
        """Return the live list of a client's listeners; the empty client is the control exchange."""
        return self._listeners.setdefault((namespace, client), [])

    def arrive(self, namespace: str, address: Address, item: Item, delay: float = 0.0) -> None:
        """Take a body in."""
        body = item.body
        times = 2 if self.duplicate is not None and self.duplicate(address, body) else 1
        for _ in range(times):
            if isinstance(address, MailboxQueue):
                self.queue(namespace, address).put(Item(body))
            elif isinstance(address, ServiceQueue):
                queue = self._service_queue(namespace, address)
                if delay > 0:
                    asyncio.get_running_loop().call_later(delay, queue.put, Item(body))
                else:
                    queue.put(Item(body))
            elif isinstance(address, DeadLetterQueue):
                self.queue(namespace, address).put(Item(body, item.reason, item.source))
            elif isinstance(address, ListenerQueue):
                self.queue(namespace, address).put(Item(body))
            elif isinstance(address, EventTopic):
                for group, patterns in self._bindings.get(namespace, {}).items():
                    if any(matches(pattern, address.key) for pattern in patterns):
                        self.queue(namespace, group).put(Item(body))
            elif isinstance(address, CommandExchange):
                self.queue(namespace, COMMAND_QUEUE).put(Item(body))
            else:
                for listener in tuple(self._listeners.get((namespace, listener_of(address)), ())):
                    listener.hear(body)

    def _service_queue(self, namespace: str, address: ServiceQueue) -> HubQueue:
        """Return the queue for a task, that for all others where nobody declared one for its priority."""
        found = self.existing(namespace, address)
        if found is None and address.priority != NORMAL:
            address = self._fallback.of(address)
        return found or self.queue(namespace, address)

    def crash(self, transport: HasLine) -> None:
        """End the transport's process: what it has not sent is lost, what it has not acknowledged goes back."""
        line = transport.line
        for subscription in line.subscriptions:
            subscription.end(SubscriptionLost("the process crashed"))
        for listener in line.listeners:
            listener.drop()
        line.subscriptions.clear()
        line.listeners.clear()
        line.on_crash()

    def cut(self, transport: HasLine) -> None:
        """Make a zombie: its deliveries go back, what it publishes waits, and it does not know.

        A `take` that waits goes on waiting; the next one raises `SubscriptionLost`; subscribing waits for `relink`.
        """
        line = transport.line
        line.linked = False
        for subscription in line.subscriptions:
            subscription.detach()
            subscription.touch(SubscriptionLost("the connection was lost"))
        for listener in line.listeners:
            listener.linked = False

    def relink(self, transport: HasLine) -> None:
        """Give a zombie its connection back: subscriptions are lost, replies restored, publishes go out."""
        line = transport.line
        if line.linked:
            return
        line.linked = True
        for subscription in line.subscriptions:
            subscription.wake()
        line.subscriptions.clear()
        for listener in line.listeners:
            listener.linked = True
            if listener.on_restored is not None:
                asyncio.get_running_loop().call_soon(listener.on_restored)
        for restored in tuple(line.on_link):
            restored()


class HasLine:
    """What the hub needs of a transport."""

    line: Line


_hubs: dict[str, MemoryHub] = {}


def hub_named(name: str) -> MemoryHub:
    """Return the hub that everybody in this process knows by this name."""
    return _hubs.setdefault(name, MemoryHub())


def forget_hub(name: str) -> None:
    """Drop a hub and all that is in it."""
    _hubs.pop(name, None)
