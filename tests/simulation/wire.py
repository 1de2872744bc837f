"""Transports to a hub that duplicates, loses, delays and cuts, and tells the auditor what it takes in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextvars import copy_context
from typing import TYPE_CHECKING

from leveret_broker.address import Address, MailboxQueue, ServiceQueue
from leveret_broker.embedded.hub import Listener, MemoryHub
from leveret_broker.embedded.memory import MemoryTransport
from leveret_broker.embedded.queue import Item
from leveret_broker.transport import Delivery, Subscription
from tests.simulation.loop import RUNNING, Process

if TYPE_CHECKING:
    from tests.simulation.auditor import Auditor
    from tests.simulation.plan import Chances


class SimulatedHub(MemoryHub):
    """The broker: its own timers outlive the processes that publish."""

    def __init__(self, auditor: Auditor, chances: Chances, broker: Process) -> None:
        """Let the seed decide on the faults that the hub knows."""
        super().__init__()
        self._auditor = auditor
        self._broker = broker
        self.duplicate = lambda address, _body: chances.happens("duplicate", str(address))
        self.lose_confirm = lambda address, _body: chances.happens("lose_confirm", str(address))
        self.latency = lambda: chances.seconds("latency")

    def held(self, namespace: str, queue: ServiceQueue) -> int:
        """Return how many tasks wait, or are delivered and not acknowledged."""
        found = self.existing(namespace, queue)
        if found is None:
            return 0
        return len(found.items) + sum(len(consumer._unacknowledged) for consumer in found.consumers)

    def arrive(self, namespace: str, address: Address, item: Item, delay: float = 0.0) -> None:
        """Take a body in, in the broker's name."""
        self._auditor.published(RUNNING.get(), address, item.body)
        self._broker.context.run(super().arrive, namespace, address, item, delay)


class WatchedSubscription(Subscription):
    """A subscription whose acknowledgements are audited, and may get lost with the connection."""

    def __init__(self, inner: Subscription, queue: MailboxQueue | ServiceQueue, transport: SimulatedTransport) -> None:
        """Watch `inner`."""
        self._inner = inner
        self._queue = queue
        self._transport = transport
        self._acknowledged = 0
        """The highest tag so far."""

    async def take(self) -> list[Delivery]:
        """Take, as the inner one."""
        return await self._inner.take()

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Check first whether that may be acknowledged."""
        assert isinstance(self._queue, MailboxQueue)
        for delivery in deliveries:
            fresh = delivery.tag > self._acknowledged
            self._transport.auditor.trace.expect(fresh, f"{self._queue}: delivery {delivery.tag} is acknowledged twice")
            self._acknowledged = delivery.tag
        self._transport.auditor.acknowledged(self._queue, list(deliveries))
        if self._transport.chances.happens("lose_acknowledgement", str(self._queue)):
            self._transport.on_cut()
        self._inner.acknowledge(deliveries)

    async def close(self) -> None:
        """Close, as the inner one."""
        await self._inner.close()


class DeadlySubscription(WatchedSubscription):
    """A service's subscription: an acknowledgement there is a good moment to crash."""

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Acknowledge, as the inner one."""
        self._transport.auditor.on_moment()
        self._inner.acknowledge(deliveries)


class SimulatedTransport(MemoryTransport):
    """One process's way to the simulated broker."""

    def __init__(self, hub: str, clock: Callable[[], float], auditor: Auditor, chances: Chances) -> None:
        """Connect nothing yet."""
        super().__init__(hub, "simulated", clock=clock)
        self.auditor = auditor
        self.chances = chances
        self.on_cut: Callable[[], None] = lambda: None
        """Cuts this connection."""

    async def subscribe_mailbox(self, queue: MailboxQueue) -> Subscription:
        """Watch the acknowledgements."""
        return WatchedSubscription(await super().subscribe_mailbox(queue), queue, self)

    async def subscribe_service(self, queue: ServiceQueue, prefetch: int) -> Subscription:
        """Watch the acknowledgements."""
        return DeadlySubscription(await super().subscribe_service(queue, prefetch), queue, self)

    async def _listen(
        self, client: str, on_body: Callable[[bytes], None], on_restored: Callable[[], None] | None
    ) -> Listener:
        """Let callbacks run in the process that listens, whoever publishes."""
        context, loop = copy_context(), asyncio.get_running_loop()

        def hear(body: bytes) -> None:
            loop.call_soon(on_body, body, context=context)

        def restored() -> None:
            if on_restored is not None:
                loop.call_soon(on_restored, context=context)

        return await super()._listen(client, hear, restored)
