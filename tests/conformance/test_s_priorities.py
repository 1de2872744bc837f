"""S · priorities: what begins first, and that nothing is forgotten."""

from __future__ import annotations

import asyncio

from leveret import Retry, service, workflow
from leveret_actors.settings import ServiceSettings
from tests.conformance.cold import assert_it_repeats
from tests.conformance.house import DEADLINE, House


@service.define(concurrency=1, priorities=True)
class Quay:
    """Notes what begins; `hold` waits."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.held, self.go = asyncio.Event(), asyncio.Event()

    async def hold(self) -> None:
        self.held.set()
        await self.go.wait()

    async def load(self) -> str:
        self.begun.append(service.context().priority)
        return service.context().priority

    @service.task(retry=Retry(initial=0.02, attempts=3))
    async def drop(self) -> str:
        self.begun.append(service.context().priority)
        if service.context().attempt < 3:
            raise ValueError
        return service.context().priority


@workflow.define
class Freight:
    urgent = workflow.service(Quay, priority="high")
    slack = workflow.service(Quay, priority="low")

    async def run(self, low: int, high: int) -> int:
        tasks = [workflow.dispatch(self.slack.load) for _ in range(low)]
        return len(await workflow.all_of(tasks + [workflow.dispatch(self.urgent.load) for _ in range(high)]))

    async def each(self) -> list[str]:
        return [await self.urgent.drop(), await self.slack.drop(), await workflow.task("Quay.load", priority="high")]


@workflow.define(name="Freight")
class Changed(Freight):
    urgent = workflow.service(Quay, priority="low")
    slack = workflow.service(Quay)


async def in_hand(house: House, count: int) -> None:
    """Wait until the node has so many tasks that wait for its slot."""
    assert house.node is not None
    async with asyncio.timeout(DEADLINE):
        while len(house.node._runners[0]._line.waiting) < count:
            await asyncio.sleep(0.001)


async def test_S14_high_begins_before_a_backlog_of_low_and_low_begins_all_the_same(house: House) -> None:
    quay = Quay()
    await house.open(Freight, services=(quay,))
    await house.client.dispatch(house.client.service(Quay).hold)
    await quay.held.wait()

    handle = await house.start(Freight, 60, 12)
    await in_hand(house, 12 + 17)
    quay.go.set()

    assert await handle.result(DEADLINE) == 72
    assert quay.begun[:13].count("high") == 12
    assert quay.begun.count("low") == 60


async def test_S14_a_task_keeps_its_priority_over_its_attempts_whoever_calls(house: House) -> None:
    quay = Quay()
    await house.open(Freight, services=(quay,))

    of_workflow = await house.call(Freight, method="each")
    of_client = await house.client.service(Quay, priority="low").drop()
    by_name = await house.client.task("Quay.load", priority="high")

    assert of_workflow == ["high", "low", "high"]
    assert (of_client, by_name) == ("low", "high")
    assert quay.begun == ["high"] * 3 + ["low"] * 3 + ["high"] + ["low"] * 3 + ["high"]


async def test_S14_a_service_without_priorities_runs_all_of_them(house: House) -> None:
    quay = Quay()
    await house.open(Freight, services=(quay,), configured={"Quay": ServiceSettings(priorities=False)})

    assert await house.call(Freight, method="each") == ["high", "low", "high"]


async def test_S14_a_workflow_whose_code_says_another_priority_goes_on(house: House) -> None:
    await house.open(Freight, services=(Quay(),))
    handle = await house.start(Freight, method="each")
    await handle.result(DEADLINE)

    assert_it_repeats(Changed, handle.id, await house.journal(handle), ())
