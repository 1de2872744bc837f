"""S · services: tasks that others complete, and long ones that say how far they have come."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Protocol

import pytest

from leveret import service, workflow
from leveret.errors import ArgumentMismatch, RequestRefused, TaskTimedOut, WorkflowCancelled, WorkflowFailed
from leveret.retry import Retry
from tests.conformance.house import DEADLINE, House
from tests.conformance.processes import run_caller


class Approval(Protocol):
    async def approve(self, amount: int) -> bool: ...


class HandsOver(Approval):
    """Gives each request to whoever takes it from `handed`."""

    def __init__(self) -> None:
        self.handed = asyncio.Queue[str]()

    @service.task(delegated=True, retry=Retry(initial=0.01, attempts=2))
    async def approve(self, amount: int) -> None:
        self.handed.put_nowait(service.context().task_id)

    async def taken(self) -> str:
        async with asyncio.timeout(DEADLINE):
            return await self.handed.get()


@workflow.define
class Asks:
    approval = workflow.service(Approval)
    hasty = workflow.service(Approval, timeout=timedelta(seconds=1))

    async def run(self) -> bool:
        return await self.approval.approve(5)

    async def in_time(self) -> str:
        try:
            return f"{await self.hasty.approve(5)}"
        except TaskTimedOut:
            return "too late"


Settle = Callable[[House, str], Awaitable[object]]


async def completes_here(house: House, task_id: str) -> object:
    return (await house.client.complete_task(Approval, task_id, True)).count


async def completes_elsewhere(house: House, task_id: str) -> object:
    return (await run_caller("complete", house.url, "Approval", task_id))["answer"]


@pytest.mark.parametrize("settle", [completes_here, completes_elsewhere])
async def test_S06_a_delegated_task_is_completed_by_a_client(house: House, settle: Settle) -> None:
    approval = HandsOver()
    await house.open(Asks, services=(approval,))
    handle = await house.start(Asks)
    task_id = await approval.taken()

    count = await settle(house, task_id)

    assert count == 1
    assert await handle.result(DEADLINE) is True
    assert approval.handed.empty()


async def test_S06_it_stays_open_over_a_restart_of_every_node_and_can_be_completed_while_none_is_there(
    house: House,
) -> None:
    approval = HandsOver()
    await house.open(Asks, services=(approval,))
    handle = await house.start(Asks)
    task_id = await approval.taken()
    await house.lease(task_id, "delegated")

    await house.stop()
    completing = asyncio.create_task(house.client.complete_task("Approval", task_id, True, timeout=DEADLINE))
    await asyncio.sleep(0)
    await house.resume()

    assert (await completing).count == 1
    assert await handle.result(DEADLINE) is True


async def test_S06_completing_twice_counts_once_and_what_does_not_fit_is_refused(house: House) -> None:
    approval = HandsOver()
    await house.open(Asks, services=(approval,))
    handle = await house.start(Asks)
    task_id = await approval.taken()

    with pytest.raises(RequestRefused, match="does not fit"):
        await house.client.complete_task(Approval, task_id, "perhaps", timeout=DEADLINE)
    with pytest.raises(ArgumentMismatch, match=r"Approval\.approve: the result does not fit bool"):
        await house.client.complete_task(house.client.service(Approval).approve, task_id, "perhaps")  # type: ignore[arg-type]
    first = await house.client.complete_task(Approval, task_id, False, timeout=DEADLINE)
    second = await house.client.complete_task(Approval, task_id, True, timeout=DEADLINE)
    unknown = await house.client.complete_task(Approval, "nobody", True, timeout=DEADLINE)

    assert await handle.result(DEADLINE) is False
    assert (first.count, second.count, second.found, unknown.found) == (1, 0, True, False)
    assert "completed already" in second.text


async def test_S06_a_delegated_task_is_failed_by_a_client_or_tried_again_as_its_policy_says(house: House) -> None:
    approval = HandsOver()
    await house.open(Asks, services=(approval,))
    handle = await house.start(Asks)
    task_id = await approval.taken()

    again = await house.client.fail_task(Approval, task_id, ConnectionError("ill"), retry=True, timeout=DEADLINE)
    assert await approval.taken() == task_id
    done = await house.client.fail_task(Approval, task_id, "no time", timeout=DEADLINE)

    assert (again.count, done.count) == (1, 1)
    with pytest.raises(WorkflowFailed, match="no time"):
        await handle.result(DEADLINE)


async def test_S06_the_contract_timeout_of_a_delegated_task_fires_and_later_completions_are_told(house: House) -> None:
    approval = HandsOver()
    await house.open(Asks, services=(approval,))
    handle = await house.start(Asks, method="in_time")
    task_id = await approval.taken()

    assert await handle.result(DEADLINE) == "too late"
    late = await house.client.complete_task(Approval, task_id, True, timeout=DEADLINE)

    assert (late.found, late.count) == (True, 0)


async def test_S06_cancelling_the_workflow_closes_its_delegated_task(house: House) -> None:
    approval = HandsOver()
    await house.open(Asks, services=(approval,))
    handle = await house.start(Asks)
    task_id = await approval.taken()
    await house.lease(task_id, "delegated")

    await handle.cancel()
    with pytest.raises(WorkflowCancelled):
        await handle.result(DEADLINE)
    await house.lease(task_id, "cancelled")
    late = await house.client.complete_task(Approval, task_id, True, timeout=DEADLINE)

    assert (late.count, late.text) == (0, f"task {task_id} is cancelled already")
