"""A listener that runs: takes the events of its group, and has them handled in order."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Sequence
from typing import Final

from loguru import logger

from leveret.cloud_events import decode, subject_of
from leveret.listening import ListenerDefinition
from leveret_actors.egress.lane import Heard, Lane
from leveret_actors.patience import FINAL, Patience
from leveret_actors.store.contract import Store
from leveret_broker.address import DEAD_LETTERS, ListenerQueue
from leveret_broker.errors import DecodeError
from leveret_broker.transport import Delivery, Subscription, Transport

PREFETCH: Final = 64
"""Least events that are unacknowledged at once: each crash of the process counts as one delivery of all of them."""


class ListenerRunner:
    """Runs one listener in this node; of several nodes one has the group's events, the others stand by."""

    def __init__(self, definition: ListenerDefinition, transport: Transport, store: Store) -> None:
        self._definition = definition
        self._transport = transport
        self._store = store
        self._queue = ListenerQueue(definition.group)
        self._prefetch = max(PREFETCH, 2 * definition.concurrency * max(1, definition.batch))
        self._subscription: Subscription | None = None
        self._lanes: list[Lane] = []
        self._stopping = asyncio.Event()

    async def register(self) -> None:
        """Bind the group's queue, then have nodes publish what it wants; nothing published from now on is missed.

        What the group wanted before, and does not want any more, is unbound. The last who registers says what it wants.
        """
        wanted, known = self._definition.patterns, await self._known() or ()
        self._subscription = self._subscription or await self._subscribe(wanted)
        stale = [pattern for pattern in known if pattern not in wanted]
        if stale:
            await self._transport.rebind_events(self._queue, (), stale)
        await self._store.note_listener(self._definition.group, wanted)
        if stale:  # another node may have taken some of these away before it was noted
            await self._transport.rebind_events(self._queue, wanted, ())

    async def _known(self) -> tuple[str, ...] | None:
        """Return what the group wants, as the last who registered said; None when it was forgotten."""
        return (await self._store.listeners()).get(self._definition.group)

    async def run(self) -> None:
        """Take and handle until cancelled; raises `TransportClosed` when the transport is, and `BrokerRefused`."""
        await Patience(f"listener {self._definition.group}").persist(self._attend, self._stopping)

    async def _attend(self) -> None:
        try:
            if self._subscription is None and (known := await self._known()):
                self._subscription = await self._subscribe(known)
            elif self._subscription is None:
                await self.register()
            assert self._subscription is not None
            await self._listen(self._subscription)
        except FINAL:
            if not self._stopping.is_set():  # else it was closed under the one that takes
                raise
        finally:
            await self._leave()

    async def stop(self, grace: float) -> None:
        """Let running calls finish for `grace` seconds; what was not handled goes back to the queue."""
        self._stopping.set()
        try:
            async with asyncio.timeout(grace):
                await asyncio.gather(*(lane.stop() for lane in self._lanes))
        except TimeoutError:
            logger.warning("listener {} is interrupted; its events come again", self._definition.group)
        await self._leave()

    async def _subscribe(self, patterns: Sequence[str]) -> Subscription:
        return await self._transport.subscribe_events(self._queue, patterns, self._prefetch)

    async def _leave(self) -> None:
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            await subscription.close()

    async def _listen(self, subscription: Subscription) -> None:
        self._lanes = [
            Lane(self._definition, subscription.acknowledge, self._give_up) for _ in range(self._definition.concurrency)
        ]
        running = [asyncio.create_task(lane.run(), name=f"listener {self._definition.group}") for lane in self._lanes]
        taking = asyncio.create_task(self._take(subscription))
        try:
            await asyncio.wait((taking, *running), return_when=asyncio.FIRST_COMPLETED)
            for task in (taking, *running):
                if task.done():
                    task.result()
        finally:
            for task in (taking, *running):
                task.cancel()
            await asyncio.gather(taking, *running, return_exceptions=True)

    async def _take(self, subscription: Subscription) -> None:
        while True:
            deliveries = await subscription.take()
            done = [delivery for delivery in deliveries if not await self._hand_on(delivery)]
            subscription.acknowledge(done)

    async def _hand_on(self, delivery: Delivery) -> bool:
        """Give an event to its lane; False when there is nothing to do with it."""
        (body,) = delivery.bodies
        try:
            event = decode(body)
        except DecodeError as error:
            logger.error("listener {} cannot read an event: {}", self._definition.group, error)
            await self._transport.publish(DEAD_LETTERS, body, reason=str(error), source=str(self._queue))
            return False
        if event is None or not self._definition.hears(event):
            return False
        self._lanes[zlib.crc32(subject_of(event).encode()) % len(self._lanes)].add(Heard(event, delivery))
        return True

    def _give_up(self, heard: Heard, reason: str) -> asyncio.Future[None]:
        (body,) = heard.delivery.bodies
        return self._transport.publish(DEAD_LETTERS, body, reason=reason, source=str(self._queue))
