"""D · plain asyncio inside a workflow."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from leveret import workflow
from tests.conformance.bench import Bench, SteeredBench
from tests.conformance.house import DEADLINE, House
from tests.conformance.processes import replay_elsewhere

WORDS = ("a", "b", "c", "d", "e")


@workflow.define
class Plain:
    """One use of asyncio a method; each gives the words that it saw, in order."""

    bench = workflow.service(Bench)

    async def gather(self) -> list[str]:
        return await asyncio.gather(*(self.bench.say(word) for word in WORDS))

    async def wait(self) -> list[str]:
        tasks = {asyncio.create_task(self.bench.say(word), name=word) for word in WORDS}
        seen: list[str] = []
        while tasks:
            done, tasks = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            seen += [await self.bench.say(task.result() + "'") for task in done]
        return sorted(seen)

    async def wait_for(self) -> list[str]:
        seen = [await asyncio.wait_for(self.bench.say("in time"), 60)]
        try:
            await asyncio.wait_for(self.bench.hold("late"), 0.02)
        except TimeoutError:
            seen.append("timeout")
        return seen

    async def timeout(self) -> list[str]:
        seen: list[str] = []
        async with asyncio.timeout(60):
            seen.append(await self.bench.say("in time"))
        try:
            async with asyncio.timeout(0.02):
                await self.bench.hold("late")
        except TimeoutError:
            seen.append("timeout")
        return seen

    async def task_group(self) -> list[str]:
        seen: list[str] = []

        async def hold(word: str) -> None:
            try:
                await self.bench.hold(word)
            finally:
                seen.append(word)

        async def fail() -> None:
            await self.bench.fail("x")

        try:
            async with asyncio.TaskGroup() as group:
                for word in WORDS:
                    group.create_task(hold(word))
                group.create_task(fail())
        except* Exception as errors:
            seen.append(type(errors.exceptions[0]).__name__)
        return [*seen, await self.bench.say("".join(seen))]

    async def shield(self) -> list[str]:
        task = asyncio.create_task(self.bench.say("shielded"))
        outer = asyncio.create_task(_shielded(task))
        await asyncio.sleep(0)
        outer.cancel()
        try:
            await outer
        except asyncio.CancelledError:
            return ["cancelled", await task]
        return []

    async def primitives(self) -> list[str]:
        event, lock, queue = asyncio.Event(), asyncio.Lock(), asyncio.Queue[str](1)
        seen: list[str] = []

        async def produce() -> None:
            await event.wait()
            for word in WORDS:
                async with lock:
                    await queue.put(await self.bench.say(word))

        async def consume() -> None:
            seen.extend([await queue.get() for _ in WORDS])

        async with asyncio.TaskGroup() as group:
            group.create_task(produce())
            group.create_task(consume())
            event.set()
        return seen

    async def sleep(self) -> list[str]:
        before = workflow.now()
        await asyncio.sleep(0.05)
        return ["slept" if (workflow.now() - before).total_seconds() >= 0.05 else "did not"]


async def _shielded(task: asyncio.Task[str]) -> str:
    return await asyncio.shield(task)


EXPECTED = {
    "gather": [*WORDS],
    "wait": [f"{word}'" for word in WORDS],
    "wait_for": ["in time", "timeout"],
    "timeout": ["in time", "timeout"],
    "task_group": [*WORDS, "TaskFailed", "abcdeTaskFailed"],
    "shield": ["cancelled", "shielded"],
    "primitives": [*WORDS],
    "sleep": ["slept"],
}


@pytest.mark.parametrize("evict", [False, True], ids=["cached", "evicted"])
async def test_D06_asyncio_works_and_replays_under_other_hash_seeds(
    house: House, tmp_path: Path, *, evict: bool
) -> None:
    await house.open(Plain, services=(SteeredBench(),), evict=evict)
    handles = {method: await house.start(Plain, method=method) for method in EXPECTED}

    results = {method: await handle.result(DEADLINE) for method, handle in handles.items()}

    journals = [
        (f"{Plain.__module__}:Plain", handle.id, [record.hex() for record in await house.journal(handle)])
        for handle in handles.values()
    ]
    file = tmp_path / "journals.json"
    file.write_text(json.dumps(journals))
    assert results == EXPECTED
    await asyncio.gather(*(replay_elsewhere(file, seed) for seed in ("0", "4711")))
