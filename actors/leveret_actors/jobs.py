"""The jobs of a node: what it does at once, and in which order it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, TypeAlias

from leveret.client.shared import SharedClient, shared_client
from leveret_actors.egress import ListenerRunner
from leveret_actors.mailbox.loop import MailboxLoop
from leveret_actors.service import ServiceRunner
from leveret_broker.ending import AGAIN, end

Worker: TypeAlias = ServiceRunner | ListenerRunner
"""Runs code of users, which finds the node's client by `current_client()`."""


class Jobs:
    """Mailbox loops and workers, which hand over what they have when the node stops, and others, which just end."""

    def __init__(
        self,
        loops: Sequence[MailboxLoop],
        workers: Sequence[Worker],
        others: Sequence[Coroutine[Any, Any, None]],
        client: SharedClient,
        *,
        grace: float,
    ) -> None:
        self._loops = loops
        self._workers = workers
        self._others = others
        self._client = client
        self._grace = grace

    async def run(self, stop: asyncio.Event) -> None:
        """Do them all until `stop`, then hand over within the grace period; the first that fails ends all, raised."""
        others = [asyncio.create_task(job) for job in self._others]
        loops = [asyncio.create_task(loop.run()) for loop in self._loops]
        workers = [asyncio.create_task(self._work(worker)) for worker in self._workers]
        tasks = [*others, *loops, *workers]
        stopping = asyncio.create_task(stop.wait())
        try:
            done, _ = await asyncio.wait((stopping, *tasks), return_when=asyncio.FIRST_COMPLETED)
            if stopping in done:
                await self._hand_over(loops)
        finally:
            await end(stopping, *tasks, again=AGAIN + self._grace)
        for task in tasks:
            if not task.cancelled():
                task.result()

    async def _work(self, worker: Worker) -> None:
        shared_client.set(self._client)
        await worker.run()

    async def _hand_over(self, turning: Sequence[asyncio.Task[None]]) -> None:
        for loop in self._loops:
            loop.stop()
        async with asyncio.TaskGroup() as group:
            for worker in self._workers:
                group.create_task(worker.stop(self._grace))
        if turning:
            await asyncio.wait(turning, timeout=self._grace)
