"""E, M · what operators do: retry, resume, complete timers, end by force."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

import pytest

from leveret import TaskFailed, WorkflowCancelled, WorkflowFailed, service, workflow
from tests.conformance.house import DEADLINE, House


class Till(Protocol):
    async def pay(self, amount: int) -> int: ...
    async def refund(self, amount: int) -> int: ...


class BrokenTill(Till):
    """Declines until it is mended."""

    def __init__(self) -> None:
        self.mended = False
        self.calls: list[tuple[str, int, int]] = []

    async def pay(self, amount: int) -> int:
        self.calls.append(("pay", amount, service.context().sequence))
        if not self.mended:
            raise RuntimeError("the till is broken")
        return amount

    async def refund(self, amount: int) -> int:
        self.calls.append(("refund", amount, service.context().sequence))
        return amount


@workflow.define
class Sale:
    till = workflow.service(Till)
    go = workflow.Channel[str]()

    async def pay(self) -> int:
        return await self.till.pay(5)

    async def compensate(self) -> int:
        try:
            return await self.till.pay(5)
        except TaskFailed:
            workflow.dispatch(self.till.refund, 5)
            raise

    async def careful(self) -> list[Any]:
        paying = workflow.dispatch(self.till.pay, 5)
        before = ""
        try:
            await paying
        except TaskFailed:
            before = paying.status
        word = await self.go.receive()
        return [before, word, await paying, paying.status]

    async def naps(self) -> str:
        async with asyncio.timeout(9000):
            await asyncio.sleep(3600)
        await workflow.timer(days=30)
        return "rested"

    async def stubborn(self) -> str:
        while True:
            try:
                return await self.go.receive()
            except asyncio.CancelledError:
                await workflow.timer(days=1)


async def failed(house: House, method: str = "pay", **options: Any) -> Any:
    handle = await house.start(Sale, method=method, **options)
    await house.status(handle, "failed")
    return handle


@pytest.mark.parametrize("by", ["id", "status", "service", "tag", "default"])
async def test_E06_retried_tasks_let_a_failed_workflow_resume_and_complete(house: House, by: str) -> None:
    till = BrokenTill()
    await house.open(Sale, services=(till,))
    handle = await failed(house, tags={"sale:1"})

    till.mended = True
    target = house.client.all(Sale, tag="sale:1") if by == "tag" else handle
    options: dict[str, dict[str, Any]] = {"status": {"status": "failed"}, "service": {"service": Till}}
    ids = (f"{(await house.describe(handle))['run']}.1",) if by == "id" else ()
    done = await house.client.retry_tasks(target, *ids, **options.get(by, {}), timeout=DEADLINE)

    assert (done.found, done.count) == (True, 1)
    assert await handle.result(DEADLINE) == 5
    assert till.calls == [("pay", 5, 0), ("pay", 5, 1)]


async def test_E06_a_retry_that_matches_nothing_says_so(house: House) -> None:
    till = BrokenTill()
    await house.open(Sale, services=(till,))
    handle = await failed(house)

    other = await house.client.retry_tasks(handle, service="Bank", timeout=DEADLINE)
    nobody = await house.client.retry_tasks(house.client.get(Sale, id="nobody"), timeout=DEADLINE)

    assert (other.found, other.count, other.status) == (True, 0, "failed")
    assert "no task matches" in other.text
    assert (nobody.found, nobody.count) == (False, 0)


async def test_E05_E06_who_waited_is_told_of_the_failure_and_who_comes_later_of_the_result(
    house: House,
) -> None:
    till = BrokenTill()
    await house.open(Sale, services=(till,))
    handle = await house.start(Sale, method="pay")

    with pytest.raises(WorkflowFailed, match="the till is broken"):
        await handle.result(DEADLINE)
    till.mended = True
    await handle.retry_tasks(timeout=DEADLINE)

    assert await handle.result(DEADLINE) == 5


async def test_E16_commands_issued_after_an_escaped_failure_are_void(house: House) -> None:
    till = BrokenTill()
    await house.open(Sale, services=(till,))
    handle = await failed(house, "compensate")

    till.mended = True
    await handle.retry_tasks(timeout=DEADLINE)
    result = await handle.result(DEADLINE)
    await house.restart()

    assert result == 5
    assert (await house.describe(handle))["status"] == "completed"


async def test_E16_the_retry_of_a_handled_failure_changes_its_status_and_rewinds_nothing(house: House) -> None:
    till = BrokenTill()
    await house.open(Sale, services=(till,))
    handle = await house.start(Sale, method="careful")
    await house.waiting(handle, "receive")

    till.mended = True
    done = await handle.retry_tasks(timeout=DEADLINE)
    await handle.signal("go", "on")

    assert done.count == 1
    assert await handle.result(DEADLINE) == ["failed", "on", 5, "completed"]


async def test_E06_a_failed_workflow_resumes_on_a_node_that_has_forgotten_it(house: House) -> None:
    till = BrokenTill()
    await house.open(Sale, services=(till,), evict=True)
    handle = await failed(house)
    await house.restart()

    till.mended = True
    await handle.retry_tasks(timeout=DEADLINE)
    await house.restart()

    assert await handle.result(DEADLINE) == 5


@pytest.mark.parametrize("by", ["id", "tag"])
async def test_M04_completed_timers_wake_now(house: House, by: str) -> None:
    await house.open(Sale, services=(BrokenTill(),))
    handle = await house.start(Sale, method="naps", tags={"sale:1"})
    target = house.client.all(Sale, tag="sale:1") if by == "tag" else handle
    await house.waiting(handle, "timer", 2)

    await house.client.complete_timers(target, timeout=DEADLINE)
    await house.waiting(handle, "timer", 1)
    await house.client.complete_timers(target, timeout=DEADLINE)

    assert await handle.result(DEADLINE) == "rested"
    assert await house.next_timer(Sale) == 0


async def test_M04_only_the_timers_of_the_named_method_wake(house: House) -> None:
    await house.open(Sale, services=(BrokenTill(),))
    handle = await house.start(Sale, method="naps")
    await house.waiting(handle, "timer", 2)

    other = await handle.complete_timers("another", timeout=DEADLINE)
    main = await handle.complete_timers("main", timeout=DEADLINE)

    assert (other.count, main.count) == (0, 2)


async def test_M04_the_timers_of_a_called_method_wake_and_those_of_the_others_go_on(house: House) -> None:
    await house.open(Sale, services=(BrokenTill(),))
    handle = await house.start(Sale, method="naps", id="s")
    await house.waiting(handle, "timer", 2)
    call = await house.client.dispatch(house.client.get(Sale, id="s").naps)
    row = await house.waiting(handle, "timer", 4)
    [before, called] = row["methods"]

    first = await handle.complete_timers(called["id"], timeout=DEADLINE)
    await house.waiting(handle, "timer", 3)
    second = await handle.complete_timers(called["id"], timeout=DEADLINE)

    assert (first.count, second.count) == (2, 1)
    assert await call.result(DEADLINE) == "rested"
    [after] = (await house.waiting(handle, "timer", 2))["methods"]
    assert (after["id"], after["awaits"]) == ("main", before["awaits"])
    await handle.cancel(force=True)
    with pytest.raises(WorkflowCancelled):
        await handle.result(DEADLINE)


async def test_E12_cancel_by_force_ends_an_instance_that_does_not_give_way(house: House) -> None:
    await house.open(Sale, services=(BrokenTill(),))
    handle = await house.start(Sale, method="stubborn")
    await house.waiting(handle, "receive")
    await handle.cancel()
    await house.waiting(handle, "timer")

    await handle.cancel("enough", force=True)

    with pytest.raises(WorkflowCancelled):
        await handle.result(DEADLINE)
    assert await house.next_timer(Sale) == 0


async def test_E14_one_task_is_cancelled_by_its_id(house: House) -> None:
    await house.open(Sale)
    handle = await house.start(Sale, method="careful")
    row = await house.waiting(handle, "task")

    done = await handle.cancel_task(f"{row['run']}.1", timeout=DEADLINE)

    assert done.text == "cancelled task Till.pay"
    await house.status(handle, "failed")


@workflow.define
class Shop:
    async def sell(self) -> int:
        return await workflow.new(Sale, id="child").pay() + 1


async def test_E06_a_parent_resumes_after_its_child(house: House) -> None:
    till = BrokenTill()
    await house.open(Sale, Shop, services=(till,))
    handle = await house.start(Shop, method="sell")
    await house.status(handle, "failed")
    child = house.client.get("Sale", id="child")

    till.mended = True
    await child.retry_tasks(timeout=DEADLINE)
    done = await handle.retry_tasks(timeout=DEADLINE)

    assert (done.count, done.status) == (1, "running")
    assert await handle.result(DEADLINE) == 6
