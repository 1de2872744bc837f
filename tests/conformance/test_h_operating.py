"""E, H, M · operators' verbs inside workflow code: they mean the same there as in a client."""

from __future__ import annotations

from typing import Any

import pytest

from leveret import WorkflowUnknown, workflow
from tests.conformance.house import DEADLINE, House
from tests.conformance.test_e_verbs import BrokenTill, Till


@workflow.define
class Stall:
    till = workflow.service(Till)
    go = workflow.Channel[str]()

    async def pay(self) -> int:
        return await self.till.pay(5)

    async def naps(self) -> str:
        await workflow.timer(days=30)
        return "rested"

    async def bug(self) -> int:
        raise ValueError("a bug")


@workflow.define
class Foreman:
    async def retries(self) -> list[Any]:
        done = await workflow.retry_tasks(workflow.get(Stall, id="s"), status="failed", service=Till)
        return [done.found, done.count, done.status]

    async def retries_tag(self) -> int:
        return (await workflow.retry_tasks(workflow.all(Stall, tag="market"))).count

    async def wakes(self) -> int:
        return (await workflow.complete_timers(workflow.get("Stall", id="s"))).count

    async def wakes_tag(self) -> int:
        return (await workflow.complete_timers(workflow.all("Stall", tag="market"))).count

    async def resumes(self) -> list[Any]:
        done = await workflow.retry_workflow_task(workflow.get(Stall, id="s"))
        return [done.count, done.status]

    async def resumes_tag(self) -> int:
        return (await workflow.retry_workflow_task(workflow.all(Stall, tag="nobody"))).count

    async def looks(self) -> list[Any]:
        data = (await workflow.describe(workflow.get(Stall, id="s"))).data
        return [data["status"], data["instance"]]

    async def finds_nobody(self) -> list[str]:
        nobody, found = workflow.get(Stall, id="nobody"), list[str]()
        for asked in (
            workflow.retry_tasks(nobody),
            workflow.retry_workflow_task(nobody),
            workflow.complete_timers(nobody),
            workflow.describe(nobody),
        ):
            try:
                await asked
            except WorkflowUnknown as error:
                found.append(str(error))
        return found


@pytest.mark.parametrize("by", ["id", "tag"])
async def test_E06_a_workflow_retries_the_tasks_of_others(house: House, by: str) -> None:
    till = BrokenTill()
    await house.open(Stall, Foreman, services=(till,))
    stall = await house.start(Stall, method="pay", id="s", tags={"market"})
    await house.status(stall, "failed")
    till.mended = True

    told = await house.call(Foreman, method="retries" if by == "id" else "retries_tag")

    assert told == ([True, 1, "running"] if by == "id" else 1)
    assert await stall.result(DEADLINE) == 5
    assert till.calls == [("pay", 5, 0), ("pay", 5, 1)]


@pytest.mark.parametrize("by", ["id", "tag"])
async def test_M04_a_workflow_completes_the_timers_of_others(house: House, by: str) -> None:
    await house.open(Stall, Foreman)
    stall = await house.start(Stall, method="naps", id="s", tags={"market"})
    await house.waiting(stall, "timer")

    assert await house.call(Foreman, method="wakes" if by == "id" else "wakes_tag") == 1

    assert await stall.result(DEADLINE) == "rested"


async def test_E07_a_workflow_resumes_another_that_failed_by_its_code(house: House) -> None:
    await house.open(Stall, Foreman)
    stall = await house.start(Stall, method="bug", id="s")
    await house.status(stall, "failed")

    assert await house.call(Foreman, method="resumes") == [1, "failed"]
    assert await house.call(Foreman, method="resumes_tag") == 0


async def test_E07_a_workflow_describes_another_and_the_answer_survives_eviction(house: House) -> None:
    await house.open(Stall, Foreman, evict=True)
    stall = await house.start(Stall, method="naps", id="s")
    await house.waiting(stall, "timer")

    assert await house.call(Foreman, method="looks") == ["running", "s"]


async def test_H07_verbs_for_an_unknown_id_can_be_caught(house: House) -> None:
    await house.open(Stall, Foreman)

    assert await house.call(Foreman, method="finds_nobody") == ["workflow Stall 'nobody' does not exist (any more)"] * 4
