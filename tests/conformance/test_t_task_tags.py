"""T · tags: on tasks, which are cancelled, retried and completed by them."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from leveret import service, workflow
from leveret.client.task_group import TaskGroup
from leveret.errors import TaskCancelled, TaskFailed, WorkflowFailed
from tests.conformance.house import DEADLINE, House


class Courier:
    """Delivers once it may; hands over what it signs for."""

    def __init__(self) -> None:
        self.mended = False
        self.calls = Counter[str]()

    async def deliver(self, what: str) -> str:
        self.calls[what] += 1
        if not self.mended:
            raise ConnectionError("the road is closed")
        return what

    async def wait(self, what: str) -> str:
        self.calls[what] += 1
        await asyncio.Event().wait()
        return what

    @service.task(delegated=True)
    async def sign(self, what: str) -> Any:
        self.calls[what] += 1


@workflow.define
class Ships:
    """Runs one tagged task, or many."""

    go = workflow.Channel[str]()

    async def run(self, task: str, what: str, tags: list[str]) -> str:
        try:
            return str(await workflow.task(f"Courier.{task}", {"what": what}, tags=tags))
        except TaskCancelled:
            return "cancelled"

    async def handled(self, what: str, tags: list[str]) -> str:
        sent = workflow.task("Courier.deliver", {"what": what}, tags=tags)
        try:
            return str(await sent)
        except TaskFailed:
            await self.go.receive()
            return f"late {await sent}"

    async def many(self, count: int) -> int:
        sent = [workflow.task("Courier.sign", {"what": "x"}, tags=["all"]) for _ in range(count)]
        return sum(await workflow.all_of(sent))


def tasks(house: House, tag: str) -> TaskGroup:
    return house.client.tasks(Courier, tag=tag)


async def members(house: House, tag: str, count: int) -> list[str]:
    """Wait until so many tasks carry a tag, and return their ids."""
    async with asyncio.timeout(DEADLINE):
        while len(found := [task async for task in tasks(house, tag).members(DEADLINE)]) != count:
            pass
    return found


async def test_T05_tasks_are_cancelled_by_tag_and_others_go_on(house: House) -> None:
    courier = Courier()
    await house.open(Ships, services=(courier,))
    tagged = [await house.start(Ships, "wait", name, ["red", name]) for name in "ab"]
    other = await house.start(Ships, "sign", "c", ["blue"])
    await members(house, "red", 2)

    done = await tasks(house, "red").cancel(timeout=DEADLINE)

    assert done.count == 2
    assert [await one.result(DEADLINE) for one in tagged] == ["cancelled"] * 2
    assert (await house.describe(other))["status"] == "running"
    assert await members(house, "red", 0) == []
    await tasks(house, "blue").complete("signed", timeout=DEADLINE)
    assert await other.result(DEADLINE) == "signed"


async def test_T05_failed_tasks_are_retried_by_tag_and_their_instances_resume(house: House) -> None:
    courier = Courier()
    await house.open(Ships, services=(courier,))
    handles = [await house.start(Ships, "deliver", name, ["road"]) for name in "ab"]
    for handle in handles:
        with pytest.raises(WorkflowFailed):
            await handle.result(DEADLINE)
    courier.mended = True

    done = await tasks(house, "road").retry(timeout=DEADLINE)

    assert done.count == 2
    for handle in handles:
        await house.status(handle, "completed")
    assert courier.calls == {"a": 2, "b": 2}


async def test_T05_delegated_tasks_are_completed_and_failed_by_tag_each_once(house: House) -> None:
    courier = Courier()
    await house.open(Ships, services=(courier,))
    handle = await house.start(Ships, 40, method="many")
    ids = await members(house, "all", 40)
    for task in ids:
        await house.lease(task, "delegated")
    failing = await house.start(Ships, "sign", "f", ["bad"])
    (bad,) = await members(house, "bad", 1)
    await house.lease(bad, "delegated")

    done = await tasks(house, "all").complete(1, timeout=DEADLINE)
    await tasks(house, "bad").fail("nobody signs", timeout=DEADLINE)

    assert (done.count, len(set(ids))) == (40, 40)
    assert await handle.result(DEADLINE) == 40
    with pytest.raises(WorkflowFailed, match="nobody signs"):
        await failing.result(DEADLINE)


async def test_T05_tags_of_tasks_vanish_with_their_end_and_with_their_instance(house: House) -> None:
    courier = Courier()
    await house.open(Ships, services=(courier,))
    completed = await house.start(Ships, "sign", "a", ["x"])
    (task,) = await members(house, "x", 1)
    await house.lease(task, "delegated")
    closed = await house.start(Ships, "wait", "b", ["y"])
    await members(house, "y", 1)

    await house.client.complete_task(Courier, task, "signed", timeout=DEADLINE)
    await closed.cancel(force=True)

    assert await completed.result(DEADLINE) == "signed"
    assert await members(house, "x", 0) == []
    assert await members(house, "y", 0) == []


async def test_T05_a_failure_that_was_handled_is_retried_by_tag_as_well(house: House) -> None:
    courier = Courier()
    await house.open(Ships, services=(courier,))
    handle = await house.start(Ships, "a", ["x"], method="handled")
    await house.waiting(handle, "receive")
    courier.mended = True

    assert (await tasks(house, "x").retry(timeout=DEADLINE)).count == 1
    await handle.signal("go", "on")

    assert await handle.result(DEADLINE) == "late a"
