"""Limits for each key: how many at once, how many in a time, over all workers; and that no key waits for another."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from typing import Any

import pytest

from leveret import ConfigurationError, service
from leveret.rate import Rate
from leveret.retry import Retry
from leveret.service import Call, PerKey, TaskId
from leveret_actors.service import keeping
from leveret_actors.settings import LeaseSettings, ServiceSettings
from leveret_broker.address import ServiceQueue
from leveret_broker.errors import StoreUnavailable
from tests.service.world import World

TWO = PerKey("meta.tenant", concurrency=2)


class Shop:
    """Counts who is inside, by tenant; `hold` waits for its tenant's event."""

    def __init__(self) -> None:
        self.inside: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.begun: list[tuple[str, float]] = []
        self.go: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)

    async def hold(self) -> None:
        tenant = self._come_in()
        try:
            await self.go[tenant].wait()
        finally:
            self.inside[tenant] -= 1

    async def sell(self) -> None:
        tenant = self._come_in()
        await asyncio.sleep(0.002)
        self.inside[tenant] -= 1

    @service.task(retry=Retry(initial=0.01, attempts=3, jitter=0))
    async def fail(self) -> None:
        self._come_in()
        self.inside[service.context().meta["tenant"]] -= 1
        raise ValueError

    def _come_in(self) -> str:
        tenant = service.context().meta.get("tenant", "")
        self.inside[tenant] += 1
        self.most[tenant] = max(self.most[tenant], self.inside[tenant])
        self.begun.append((tenant, time.monotonic()))
        return tenant

    def _of(self, tenant: str) -> int:
        return sum(one == tenant for one, _ in self.begun)


def limited(limits: PerKey = TWO, **more: Any) -> ServiceSettings:
    return ServiceSettings(per_key=limits, **more)


async def send(world: World, task: str, tenant: str, count: int = 1, **fields: Any) -> None:
    for _ in range(count):
        await world.send(f"Shop.{task}", meta={"tenant": tenant} if tenant else {}, **fields)


async def test_S15_never_more_of_a_key_at_once_over_all_workers_and_none_waits_for_another(world: World) -> None:
    shops = Shop(), Shop()
    for number, shop in enumerate(shops):
        await world.start(shop, name=f"w{number}", concurrency=8, settings=limited())

    await send(world, "hold", "a", 30)
    await send(world, "hold", "b", 1)
    await send(world, "hold", "", 3)
    await world.until(lambda: sum(shop._of("b") for shop in shops) == 1 and sum(shop._of("") for shop in shops) == 3)
    await world.until(lambda: sum(shop._of("a") for shop in shops) == 2)
    await world.settle()

    assert sum(shop._of("a") for shop in shops) == 2


async def test_S15_all_of_a_busy_key_run_in_the_end_at_its_pace(world: World) -> None:
    shop = Shop()
    await world.start(shop, concurrency=32, settings=limited())

    await send(world, "sell", "a", 25)
    await send(world, "sell", "b", 25)
    for _ in range(50):
        await world.ended()

    assert (shop.most["a"], shop.most["b"]) == (2, 2)
    assert (shop._of("a"), shop._of("b")) == (25, 25)
    await world.empty("Shop")


async def test_S15_no_span_of_time_has_more_of_a_key_than_its_rate(world: World) -> None:
    shops = Shop(), Shop()
    rate = PerKey(lambda task: task.meta.get("tenant"), rate=Rate(100, burst=3))
    for number, shop in enumerate(shops):
        await world.start(shop, name=f"w{number}", concurrency=16, settings=limited(rate))

    await send(world, "sell", "a", 15)
    await send(world, "sell", "b", 15)
    for _ in range(30):
        await world.ended()

    for tenant in "ab":
        times = sorted(at for shop in shops for one, at in shop.begun if one == tenant)
        assert len(times) == 15
        assert times[-1] - times[0] >= 12 / 100 - 0.03


async def test_S15_each_attempt_has_a_seat_of_its_own(world: World) -> None:
    shop = Shop()
    await world.start(shop, settings=limited(PerKey("meta.tenant", concurrency=1)))

    await send(world, "fail", "a", 3)
    for _ in range(3):
        await world.failure()

    assert (shop._of("a"), shop.most["a"]) == (9, 1)


async def test_S15_a_backlog_of_one_key_does_not_fill_the_prefetch(memory_world: World) -> None:
    world, shop = memory_world, Shop()
    await world.start(shop, concurrency=4, settings=limited(PerKey("meta.tenant", concurrency=1)))

    await send(world, "hold", "a", 300)
    await send(world, "sell", "b", 20)
    for _ in range(20):
        await world.ended()

    (consumer,) = world.memory.queue("t", ServiceQueue("Shop")).consumers
    assert (shop._of("a"), shop._of("b")) == (1, 20)
    assert len(consumer._unacknowledged) <= 4 + 16


async def test_S15_a_dead_workers_seats_are_free_after_a_time_and_nothing_is_lost(
    memory_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "CLOSE_SECONDS", 0.0)
    world, first, second = memory_world, Shop(), Shop()
    leases = LeaseSettings(seconds=0.3, wait=0.01)
    dying = await world.start(first, name="dying", grace=0.0, settings=limited(), leases=leases)
    await send(world, "hold", "a", 2)
    await world.until(lambda: first._of("a") == 2)
    second.go["a"].set()

    await dying.crash()
    await world.start(second, name="w2", settings=limited(), leases=leases)
    await send(world, "hold", "a", 5)
    for _ in range(7):
        await world.ended()

    assert second._of("a") == 7
    assert second.most["a"] <= 2


async def test_S15_a_seat_lasts_as_long_as_its_task(memory_world: World) -> None:
    world, shop, other = memory_world, Shop(), Shop()
    short = LeaseSettings(seconds=0.15, wait=0.01)
    await world.start(shop, settings=limited(PerKey("meta.tenant", concurrency=1)), leases=short)
    await send(world, "hold", "a")
    await world.until(lambda: shop._of("a") == 1)
    await world.start(other, name="w2", settings=limited(PerKey("meta.tenant", concurrency=1)), leases=short)
    await send(world, "hold", "a", 3)

    until = asyncio.get_running_loop().time() + 0.5
    await world.until(lambda: asyncio.get_running_loop().time() > until)

    assert shop._of("a") + other._of("a") == 1


async def test_S15_a_cancelled_task_gives_its_seat_to_the_next_one(world: World) -> None:
    shop = Shop()
    await world.start(shop, settings=limited(PerKey("meta.tenant", concurrency=1)))
    await send(world, "hold", "a", task_id="run.1")
    await world.until(lambda: shop._of("a") == 1)
    await send(world, "sell", "a", task_id="run.2")

    await world.cancel("run.1", time.time() + 60)
    await world.ended()

    assert (shop._of("a"), shop.most["a"]) == (2, 1)


async def test_S15_while_the_store_is_away_only_tasks_without_a_key_begin(
    memory_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, shop = memory_world, Shop()
    worker = await world.start(shop, settings=limited())

    async def away(*_: object) -> Any:
        raise StoreUnavailable("away")

    monkeypatch.setattr(worker.store, "enter", away)
    await send(world, "sell", "a")
    await send(world, "sell", "")
    await world.ended()
    begun = [tenant for tenant, _ in shop.begun]
    monkeypatch.undo()
    await world.ended()

    assert begun == [""]
    assert shop._of("a") == 1


async def test_S15_a_key_that_cannot_be_told_fails_its_task(world: World) -> None:
    def broken(task: object) -> str:
        raise LookupError("no tenant")

    await world.start(Shop(), settings=limited(PerKey(broken, concurrency=1)))

    await send(world, "sell", "a")
    failure = await world.failure()

    assert (failure.type, failure.message) == ("LookupError", "no tenant")


async def test_S15_a_worker_that_stops_gives_its_seats_up(world: World) -> None:
    shop, other = Shop(), Shop()
    first = await world.start(shop, settings=limited(PerKey("meta.tenant", concurrency=1)))
    await send(world, "hold", "a", 3)
    await world.until(lambda: shop._of("a") == 1)
    other.go["a"].set()

    await first.stop(grace=0.0)
    await world.start(other, name="w2", settings=limited(PerKey("meta.tenant", concurrency=1)))
    for _ in range(3):
        await world.ended()

    assert (other._of("a"), other.most["a"]) == (3, 1)


class Gathers:
    @service.batch(max=4, seconds=1)
    async def together(self, calls: dict[TaskId, Call[int]]) -> None: ...


async def test_limits_without_a_key_a_number_or_a_sense_are_refused(memory_world: World) -> None:
    with pytest.raises(ConfigurationError, match="say concurrency"):
        PerKey("meta.tenant")
    with pytest.raises(ConfigurationError, match=r"'meta\.<name>' or 'tag\.<name>'"):
        PerKey("tenant", concurrency=1)
    with pytest.raises(ConfigurationError, match="per_key has no key"):
        await memory_world.start(Shop(), settings=limited(PerKey("", concurrency=1)))
    with pytest.raises(ConfigurationError, match="not for batches"):
        await memory_world.start(Gathers(), settings=limited())


async def test_the_file_may_leave_the_key_to_the_code(memory_world: World) -> None:
    @service.define(name="Shop", per_key=PerKey("tag.customer", concurrency=9))
    class Tagged(Shop): ...

    worker = await memory_world.start(Tagged(), settings=limited(PerKey("", concurrency=1)))
    shop = worker.runner._executions["sell"].function.__self__  # type: ignore[attr-defined]

    for customer in "aab":
        await memory_world.send("Shop.sell", tags=(f"customer:{customer}", "order:1"))
    for _ in range(3):
        await memory_world.ended()

    assert shop.most[""] == 2
