"""Declares what is published to, once per connection, and again when a message comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

from aiormq.abc import AbstractChannel

from leveret_broker.address import NORMAL, ServiceQueue
from leveret_broker.rabbitmq.connection import Connection, answered
from leveret_broker.rabbitmq.failure import translated
from leveret_broker.rabbitmq.topology import Queue, Topology

_BASE: Final = "the exchanges"
Declare = Callable[[AbstractChannel], Coroutine[Any, Any, object]]


class Declarer:
    """Uses the consuming connection: the publishing one answers nothing while the broker lacks memory."""

    def __init__(self, connection: Connection, topology: Topology) -> None:
        self._connection = connection
        self._topology = topology
        self._known: set[object] = set()
        self._running: dict[object, asyncio.Task[None]] = {}

    def forget(self) -> None:
        """Declare everything again when it is next needed: the broker may have lost it."""
        self._known.clear()

    async def base(self) -> None:
        """Declare the exchanges, without which a publish costs the channel."""
        if _BASE not in self._known:
            await self._once(_BASE, self._topology.declare_base)

    async def queue(self, queue: Queue) -> None:
        """Declare a queue, known or not."""
        await self._once(queue, lambda channel: self._topology.declare_queue(channel, queue))

    async def delayed(self, queue: ServiceQueue, seconds: float) -> None:
        """Declare a rung, and the queue to which it must be able to pass on.

        Raises `NotThere` when no worker has declared the queue of another priority than `normal`.
        """
        if queue not in self._known and queue.priority != NORMAL:
            await self._once(queue, lambda channel: self._topology.look_at(channel, queue))
        elif queue not in self._known:
            await self.queue(queue)
        if seconds not in self._known:
            await self._once(seconds, lambda channel: self._topology.declare_rung(channel, seconds))

    def knows(self, queue: ServiceQueue, seconds: float) -> bool:
        """Tell whether `delayed` has nothing to do."""
        return queue in self._known and seconds in self._known

    async def _once(self, key: object, declare: Declare) -> None:
        """Declare, or wait for the one who does already: many messages may come back at the same time."""
        running = self._running.get(key)
        if running is None:
            running = asyncio.create_task(self._declare(key, declare), name=f"leveret declares {key}")
            self._running[key] = running
            running.add_done_callback(lambda task: self._declared(key, task))
        await asyncio.shield(running)

    async def _declare(self, key: object, declare: Declare) -> None:
        async with self._connection.brief_channel() as channel:
            with translated(f"declaring {key}"):
                await answered(declare(channel))
        self._known.add(key)

    def _declared(self, key: object, task: asyncio.Task[None]) -> None:
        del self._running[key]
        if not task.cancelled():
            task.exception()  # told to whoever waits
