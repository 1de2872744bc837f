"""E · cancelling: a task that nobody wants any more, wherever it is, by its workflow and by an operator."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from leveret import Handle, service, workflow
from leveret.errors import TaskCancelled, WorkflowCancelled
from leveret.retry import Retry
from leveret_actors.settings import LeaseSettings
from tests.conformance.house import DEADLINE, House, pending

BACK_OFF = 0.5
SOON = LeaseSettings(after=0.05, seconds=1.5, wait=0.2)


class Porter:
    """Notes what it was asked to carry; holds one thing until it is stopped, drops another at first."""

    def __init__(self) -> None:
        self.calls = Counter[str]()
        self.begun = asyncio.Event()
        self.stopped = asyncio.Event()
        self.dropped = asyncio.Event()
        self.reason: str | None = None

    async def carry(self, what: str) -> str:
        self.calls[what] += 1
        return what

    async def hold(self, what: str) -> str:
        self.calls[what] += 1
        self.begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            assert service.context().cancelled
            self.reason = service.context().reason
            self.stopped.set()
            raise
        return what

    @service.task(retry=Retry(initial=BACK_OFF, jitter=0, attempts=0))
    async def drop(self, what: str) -> str:
        self.calls[what] += 1
        self.dropped.set()
        raise ConnectionError(what)

    @service.task(delegated=True)
    async def lend(self, what: str) -> Any:
        self.calls[what] += 1


@workflow.define
class Orders:
    porter = workflow.service(Porter)

    async def carry(self, what: str) -> str:
        return await self._told(self.porter.carry(what))

    async def hold(self, what: str) -> str:
        return await self._told(self.porter.hold(what))

    async def drop(self, what: str) -> str:
        return await self._told(self.porter.drop(what))

    async def lend(self, what: str) -> str:
        return await self._told(self.porter.lend(what))

    async def _told(self, task: Awaitable[str]) -> str:
        try:
            return await task
        except TaskCancelled:
            return "told"


@workflow.define
class Holds:
    porter = workflow.service(Porter)

    async def hold(self, what: str) -> str:
        try:
            return await self.porter.hold(what)
        except TaskCancelled as error:
            return error.where.get("reason", "")


Cancel = Callable[[House, Handle[Any]], Awaitable[None]]


async def by_workflow(house: House, handle: Handle[Any]) -> None:
    """Cancel the workflow, which cancels what it waits for."""
    await handle.cancel()
    with pytest.raises(WorkflowCancelled):
        await handle.result(DEADLINE)


async def by_operator(house: House, handle: Handle[Any]) -> None:
    """Cancel the task, which the workflow is told."""
    done = await house.client.cancel_task(handle, await task_of(house, handle))
    assert done.count == 1
    assert await handle.result(DEADLINE) == "told"


async def task_of(house: House, handle: Handle[Any]) -> str:
    """Return the id of the task that an instance waits for."""
    (task,) = pending(await house.waiting(handle, "task"))
    return str(task["task_id"])


both = pytest.mark.parametrize("cancel", [by_workflow, by_operator])


@both
async def test_E12_E14_a_cancelled_task_that_still_waits_in_its_queue_never_runs(house: House, cancel: Cancel) -> None:
    porter = Porter()
    await house.open(Orders)
    handle = await house.start(Orders, "a", method="carry")
    await house.waiting(handle, "task")

    await cancel(house, handle)
    await house.reinforce(porter)

    assert await house.call(Orders, "b", method="carry") == "b"
    assert porter.calls == {"b": 1}


@both
async def test_E12_E14_a_cancelled_task_that_runs_is_stopped(house: House, cancel: Cancel) -> None:
    porter = Porter()
    await house.open(Orders, services=(porter,))
    handle = await house.start(Orders, "a", method="hold")
    await porter.begun.wait()

    await cancel(house, handle)
    async with asyncio.timeout(DEADLINE):
        await porter.stopped.wait()

    assert await house.call(Orders, "b", method="carry") == "b"
    assert porter.calls == {"a": 1, "b": 1}


async def test_E12_E14_the_reason_of_a_cancelled_task_is_told_to_its_function_and_to_its_workflow(house: House) -> None:
    porter = Porter()
    await house.open(Holds, services=(porter,))
    handle = await house.start(Holds, "a", method="hold")
    await porter.begun.wait()

    await house.client.cancel_task(handle, await task_of(house, handle), "sold out")
    async with asyncio.timeout(DEADLINE):
        await porter.stopped.wait()

    assert await handle.result(DEADLINE) == porter.reason == "sold out"


async def test_E12_the_reason_of_a_cancelled_workflow_is_told_to_the_functions_of_its_tasks(house: House) -> None:
    porter = Porter()
    await house.open(Holds, services=(porter,))
    handle = await house.start(Holds, "a", method="hold")
    await porter.begun.wait()

    await handle.cancel("the shop is closed")
    async with asyncio.timeout(DEADLINE):
        await porter.stopped.wait()

    assert porter.reason == "the shop is closed"


@both
async def test_E12_E14_a_cancelled_task_that_is_between_two_attempts_gets_no_other_one(
    house: House, cancel: Cancel
) -> None:
    porter = Porter()
    await house.open(Orders, services=(porter,))
    handle = await house.start(Orders, "a", method="drop")
    await porter.dropped.wait()

    await cancel(house, handle)
    await house.until(await house.now() + 2 * BACK_OFF)

    assert await house.call(Orders, "b", method="carry") == "b"
    assert porter.calls == {"a": 1, "b": 1}


@both
async def test_E12_E14_a_cancelled_task_under_a_lease_is_stopped_and_its_lease_ends(
    house: House, cancel: Cancel
) -> None:
    porter = Porter()
    await house.open(Orders, services=(porter,), leases=SOON)
    handle = await house.start(Orders, "a", method="hold")
    await porter.begun.wait()
    task_id = await task_of(house, handle)
    await house.lease(task_id, "running")

    await cancel(house, handle)
    async with asyncio.timeout(DEADLINE):
        await porter.stopped.wait()
    await house.lease(task_id, "cancelled")
    await house.until(await house.now() + 2 * SOON.seconds)

    assert porter.calls == {"a": 1}


@both
async def test_E12_E14_a_cancelled_delegated_task_can_be_completed_no_more(house: House, cancel: Cancel) -> None:
    porter = Porter()
    await house.open(Orders, services=(porter,))
    handle = await house.start(Orders, "a", method="lend")
    task_id = await task_of(house, handle)
    await house.lease(task_id, "delegated")

    await cancel(house, handle)
    await house.lease(task_id, "cancelled")
    late = await house.client.complete_task(Porter, task_id, "a", timeout=DEADLINE)

    assert (late.found, late.count) == (True, 0)
