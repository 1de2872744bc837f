"""E · cancelling: wherever the instance waits, and against what comes with it."""

from __future__ import annotations

import asyncio

import pytest

from leveret import service, workflow
from leveret.errors import TaskCancelled, WorkflowCancelled
from leveret.retry import Retry
from tests.conformance.bench import Bench, SteeredBench
from tests.conformance.house import DEADLINE, House
from tests.conformance.poison import Poison
from tests.conformance.processes import hosting


class Stubborn:
    """Fails the first attempt of each word; the second comes after a delay."""

    def __init__(self) -> None:
        self.attempts: list[str] = []

    @service.task(retry=Retry(initial=0.3, jitter=0, attempts=0))
    async def fail_once(self, word: str) -> str:
        self.attempts.append(word)
        if self.attempts.count(word) == 1:
            raise ConnectionError(word)
        return word


@workflow.define
class Waits:
    """One way to wait a method."""

    bench = workflow.service(Bench)
    stubborn = workflow.service(Stubborn)
    go = workflow.Channel[str]()

    async def task(self) -> str:
        return await self.bench.hold("a")

    async def timer(self) -> None:
        await workflow.timer(hours=1)

    async def receive(self) -> str:
        return await self.go.receive()

    async def child(self) -> str:
        return await workflow.new(Waits, id="inner").receive()

    async def backs_off(self, word: str) -> str:
        return await self.stubborn.fail_once(word)

    async def cleans_up(self) -> str:
        try:
            return await self.go.receive()
        except asyncio.CancelledError:
            return await self.bench.say("cleaned up")

    async def one_task(self) -> list[str]:
        gone, stays = workflow.dispatch(self.bench.hold, "gone"), workflow.dispatch(self.bench.hold, "stays")
        await self.go.receive()
        gone.cancel()
        try:
            await gone
        except (asyncio.CancelledError, TaskCancelled):
            return [gone.status, await stays]
        return []


async def assert_cancelled(house: House, method: str, *args: object) -> None:
    handle = await house.start(Waits, *args, method=method)
    await house.described(handle, lambda row: bool(row["pending"]))

    await handle.cancel("enough")

    with pytest.raises(WorkflowCancelled):
        await handle.result(DEADLINE)
    row = await house.status(handle, "cancelled")
    assert row["reason"] == "enough"


async def test_E12_cancelling_inside_a_task_wait_stops_the_task(house: House) -> None:
    bench = SteeredBench()
    await house.open(Waits, services=(bench,))
    handle = await house.start(Waits, method="task")
    await bench.begun("a")

    await handle.cancel()

    with pytest.raises(WorkflowCancelled):
        await handle.result(DEADLINE)
    await bench.over("a")


@pytest.mark.parametrize("method", ["timer", "receive"])
async def test_E12_cancelling_inside_a_timer_or_a_signal_wait_leaves_nothing(house: House, method: str) -> None:
    await house.open(Waits)

    await assert_cancelled(house, method)

    assert await house.next_timer(Waits) == 0


async def test_E12_cancelling_inside_a_child_wait_cancels_the_child(house: House) -> None:
    await house.open(Waits)
    handle = await house.start(Waits, method="child")
    inner = house.remember(Waits, house.client.get("Waits", id="inner"))
    await house.waiting(inner, "receive")

    await handle.cancel("enough")

    with pytest.raises(WorkflowCancelled):
        await handle.result(DEADLINE)
    assert "by its parent Waits" in (await house.status(inner, "cancelled"))["reason"]


async def test_E12_cancelling_inside_a_retry_back_off_means_no_further_attempt(house: House) -> None:
    stubborn = Stubborn()
    await house.open(Waits, services=(stubborn,))
    gone = await house.start(Waits, "gone", method="backs_off")
    await house.described(gone, lambda _: "gone" in stubborn.attempts)
    await gone.cancel()
    with pytest.raises(WorkflowCancelled):
        await gone.result(DEADLINE)

    other = await house.call(Waits, "other", method="backs_off")

    assert other == "other"
    assert stubborn.attempts == ["gone", "other", "other"]


async def test_E12_a_method_may_catch_it_and_return(house: House) -> None:
    await house.open(Waits, services=(SteeredBench(),))
    handle = await house.start(Waits, method="cleans_up")
    await house.waiting(handle, "receive")

    await handle.cancel()
    await handle.cancel()

    assert await handle.result(DEADLINE) == "cleaned up"


@pytest.mark.parametrize("cancel_first", [True, False], ids=["cancel-first", "signal-first"])
async def test_E13_cancel_and_completion_in_one_batch_end_one_way(house: House, *, cancel_first: bool) -> None:
    await house.open(Waits)
    handle = await house.start(Waits, method="receive", id="w")
    await house.waiting(handle, "receive")
    await house.stop()
    for cancels in (cancel_first, not cancel_first):
        await (handle.cancel() if cancels else house.client.get(Waits, id="w").go.send("done"))

    await house.resume()

    with pytest.raises(WorkflowCancelled):
        await handle.result(DEADLINE)


async def test_E14_cancelling_one_task_leaves_the_others(house: House) -> None:
    bench = SteeredBench()
    await house.open(Waits, services=(bench,))
    handle = await house.start(Waits, method="one_task", id="w")
    await bench.begun("gone")
    await bench.begun("stays")

    await house.client.get(Waits, id="w").go.send("now")
    await bench.over("gone")
    bench.let_go("stays")

    assert await handle.result(DEADLINE) == ["cancelled", "stays"]


async def test_E15_an_instance_that_kills_its_node_is_blocked_and_the_others_go_on(house: House) -> None:
    await house.open(Poison)
    await house.stop()
    poison = await house.start(Poison, "deadly", id="poison")
    others = [await house.start(Poison, "harmless", id=name) for name in ("before", "z")]
    deaths = 0
    while await hosting("workflows", house.url):
        deaths += 1

    await house.resume()
    row = await house.status(poison, "blocked")

    assert deaths == 3
    assert "3" in row["reason"]
    assert [await other.result(DEADLINE) for other in others] == ["harmless"] * 2
