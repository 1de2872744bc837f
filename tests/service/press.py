"""A service that does its tasks in batches."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from typing import Any

from leveret import service
from leveret.retry import Retry
from leveret.service import Call, TaskId
from leveret_broker.outcome import Completed
from tests.service.world import World

FOREVER = time.time() + 3600
LONG = 60.0
"""Seconds that no test waits: what happens before does not happen by time."""
AT_ONCE = Retry(initial=0, attempts=3)


def tenant(call: Call[Any]) -> str | None:
    return call.meta.get("tenant")


class Press:
    """Notes its batches; does with a call as its argument says."""

    def __init__(self) -> None:
        self.batches: list[dict[TaskId, Call[Any]]] = []
        self.go = asyncio.Event()
        self.go.set()

    @service.batch(max=3, seconds=LONG)
    async def by_count(self, calls: dict[TaskId, Call[int]]) -> dict[TaskId, int]:
        self.batches.append(calls)
        await self.go.wait()
        return {task_id: 2 * call.argument for task_id, call in calls.items()}

    @service.batch(seconds=0.02)
    async def by_time(self, calls: dict[TaskId, Call[int]]) -> dict[TaskId, int]:
        self.batches.append(calls)
        return {task_id: 2 * call.argument for task_id, call in calls.items()}

    @service.batch(max=2, seconds=LONG, key=tenant, retry=AT_ONCE)
    async def by_key(self, calls: dict[TaskId, Call[int]]) -> dict[TaskId, int | Exception]:
        self.batches.append(calls)
        return {task_id: ValueError("first") if call.attempt == 1 else call.argument for task_id, call in calls.items()}

    @service.batch(max=3, seconds=0.02, retry=AT_ONCE)
    async def picky(self, calls: dict[TaskId, Call[int]]) -> dict[TaskId, int | Exception]:
        self.batches.append(calls)
        return {
            task_id: ValueError("negative") if call.argument < 0 else call.argument for task_id, call in calls.items()
        }

    @service.batch(max=3, seconds=LONG)
    async def whole(self, calls: dict[TaskId, Call[int]]) -> dict[TaskId, int]:
        self.batches.append(calls)
        if any(call.argument < 0 for call in calls.values()):
            raise ValueError("somebody is negative")
        return {task_id: call.argument for task_id, call in calls.items()}

    @service.batch(max=2, seconds=LONG, timeout=0.02)
    async def slow(self, calls: dict[TaskId, Call[int]]) -> dict[TaskId, int]:
        self.batches.append(calls)
        if len(calls) > 1:
            await asyncio.Event().wait()
        return {task_id: call.argument for task_id, call in calls.items()}

    @service.batch(max=3, seconds=LONG)
    async def forgets(self, calls: dict[TaskId, Call[int]]) -> dict[TaskId, int]:
        self.batches.append(calls)
        stranger = {TaskId("stranger"): 0}
        return {task_id: call.argument for task_id, call in calls.items() if call.argument > 0} | stranger

    @service.batch(max=2, seconds=LONG)
    async def says_nothing(self, calls: dict[TaskId, Call[int]]) -> None:
        self.batches.append(calls)

    @service.batch(max=2, seconds=LONG)
    def threaded(self, calls: dict[TaskId, Call[int]]) -> dict[TaskId, str]:
        return dict.fromkeys(calls, threading.current_thread().name)

    @service.batch(max=2, seconds=LONG, key=lambda call: [call.argument])
    async def badly_keyed(self, calls: dict[TaskId, Call[int]]) -> None:
        self.batches.append(calls)

    @service.batch(max=2, seconds=LONG, key=lambda _: sys.exit("no key"))
    async def leaves(self, calls: dict[TaskId, Call[int]]) -> None:
        self.batches.append(calls)

    @property
    def sizes(self) -> list[int]:
        return [len(batch) for batch in self.batches]

    async def begun(self, count: int) -> None:
        async with asyncio.timeout(10):
            while len(self.batches) < count:
                await asyncio.sleep(0)


async def send(world: World, task: str, *arguments: Any, **fields: Any) -> list[str]:
    return [(await world.send(f"Press.{task}", {"n": one}, **fields)).task_id for one in arguments]


async def outcomes(world: World, count: int) -> dict[str, Any]:
    """Return what the next calls ended with, by task id: a value, or a failure."""
    found: dict[str, Any] = {}
    for _ in range(count):
        envelope = await world.ended()
        outcome: Any = envelope.message.outcome  # type: ignore[union-attr]
        task_id = envelope.id.partition(".end.")[0]
        found[task_id] = world.codec.load(outcome.value) if isinstance(outcome, Completed) else outcome.failure
    return found


def waiting(runner: Any) -> int:
    return sum(len(batch.members) for batch, _ in runner._line.gathering._open.values())
