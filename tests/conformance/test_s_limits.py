"""S · limits: how many at once in a node, how many in a time over all nodes."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest

from leveret import service, workflow
from tests.conformance.house import DEADLINE, House

SLOTS = 3


@service.define(concurrency=SLOTS)
class Narrow:
    """Counts who is inside; the first ones come out once all slots are taken."""

    def __init__(self) -> None:
        self.inside = self.most = self.calls = 0
        self.full = asyncio.Event()
        self.meeting = threading.Barrier(SLOTS, timeout=DEADLINE)
        self.lock = threading.Lock()

    async def enter(self) -> None:
        self._come_in()
        if self.inside == SLOTS:
            self.full.set()
        await self.full.wait()
        await asyncio.sleep(0)
        self._go_out()

    @service.task
    def enter_in_a_thread(self) -> None:
        """Of each three that come in nobody goes before the third has come."""
        with self.lock:
            self._come_in()
        self.meeting.wait()
        with self.lock:
            self._go_out()

    def _come_in(self) -> None:
        self.calls += 1
        self.inside += 1
        self.most = max(self.most, self.inside)

    def _go_out(self) -> None:
        self.inside -= 1


class Slow:
    """Notes when its tasks begin."""

    def __init__(self) -> None:
        self.begun: list[float] = []

    async def enter(self) -> None:
        self.begun.append(time.monotonic())


@workflow.define
class Sends:
    async def run(self, task: str, count: int) -> None:
        await workflow.all_of([workflow.task(task) for _ in range(count)])

    async def some(self, task: str, count: int, enough: int) -> int:
        """Return once enough have ended, and call the others off."""
        ended = 0
        waiting = {asyncio.ensure_future(workflow.task(task)) for _ in range(count)}
        while ended < enough:
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            ended += len(done)
        for one in waiting:
            one.cancel()
        return ended


@pytest.mark.parametrize("task", ["enter", "enter_in_a_thread"])
async def test_S08_never_more_than_a_services_limit_run_at_once_in_a_node(house: House, task: str) -> None:
    narrow = Narrow()
    await house.open(Sends, services=(narrow,))

    await house.call(Sends, f"Narrow.{task}", 20 * SLOTS)

    assert (narrow.most, narrow.calls, narrow.inside) == (SLOTS, 20 * SLOTS, 0)


async def test_S08_the_limit_is_each_nodes_own(house: House) -> None:
    here, there = Narrow(), Narrow()
    await house.open(Sends, services=(here,))
    await house.reinforce(there)

    await house.call(Sends, "Narrow.enter", 20 * SLOTS)

    assert (here.most, there.most) == (SLOTS, SLOTS)
    assert here.calls + there.calls == 20 * SLOTS


async def test_S08_a_rate_holds_over_all_nodes(house: House) -> None:
    here, there = Slow(), Slow()
    rate = service.Rate(1, 3600, burst=5)
    await house.open(Sends, services=(service.configured(here, rate=rate),))
    await house.reinforce(service.configured(there, rate=rate))

    ended: Any = await house.call(Sends, "Slow.enter", 12, 5, method="some")

    assert ended == 5
    assert len(here.begun) + len(there.begun) == 5


async def test_S08_a_rate_is_used_to_the_full_and_never_passed(house: House) -> None:
    here, there = Slow(), Slow()
    rate = service.Rate(50, burst=5)
    await house.open(Sends, services=(service.configured(here, rate=rate),))
    await house.reinforce(service.configured(there, rate=rate))

    await house.call(Sends, "Slow.enter", 55)

    begun = sorted(here.begun + there.begun)
    assert len(begun) == 55
    assert begun[-1] - begun[0] >= 0.9
    assert max(sum(begin <= one < begin + 0.2 for one in begun) for begin in begun) <= 5 + 10 + 2


class Counter:
    """One queue of tenants for all nodes of a test."""

    def __init__(self) -> None:
        self.inside: list[str] = []
        self.most: dict[str, int] = {}
        self.hold = asyncio.Event()

    async def serve(self) -> None:
        tenant = service.context().meta["tenant"]
        self.inside.append(tenant)
        self.most[tenant] = max(self.most.get(tenant, 0), self.inside.count(tenant))
        await (self.hold.wait() if tenant == "slow" else asyncio.sleep(0))
        self.inside.remove(tenant)


@workflow.define
class Tenants:
    async def run(self, tenants: list[str]) -> int:
        tasks = [workflow.task("Counter.serve", meta={"tenant": tenant}) for tenant in tenants]
        return len(await workflow.all_of(tasks))


async def test_S15_a_keys_limit_holds_over_all_nodes_and_holds_up_no_other_key(house: House) -> None:
    counter = Counter()
    limits = service.PerKey("meta.tenant", concurrency=1)
    await house.open(Tenants, services=(service.configured(counter, per_key=limits),))
    await house.reinforce(service.configured(counter, per_key=limits))

    slow = await house.start(Tenants, ["slow"] * 5)
    quick = await house.call(Tenants, ["a", "b"] * 10)
    counter.hold.set()

    assert (quick, await slow.result(DEADLINE)) == (20, 5)
    assert counter.most == {"slow": 1, "a": 1, "b": 1}
