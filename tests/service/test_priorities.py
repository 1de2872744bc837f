"""Priorities: what overtakes what, what is never forgotten, and where a task goes back to."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from loguru import logger

from leveret import service
from leveret.retry import Retry
from leveret.service import Call, TaskId
from leveret_actors.service import keeping
from leveret_actors.settings import LeaseSettings, ServiceSettings
from leveret_broker.address import PRIORITIES, Priority, ServiceQueue
from leveret_broker.envelope import Task, decode
from tests.service.world import World


@service.define(priorities=True)
class Yard:
    """Notes what begins; `hold` waits."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.seen: list[str] = []
        self.go = asyncio.Event()

    async def hold(self) -> None:
        self.begun.append("hold")
        await self.go.wait()

    async def load(self, name: str) -> None:
        self.begun.append(name)
        self.seen.append(service.context().priority)

    @service.task(retry=Retry(initial=0.02, attempts=3, jitter=0))
    async def fail(self) -> None:
        self.seen.append(service.context().priority)
        if service.context().attempt < 3:
            raise ValueError


@service.define(name="Yard")
class Plain(Yard):
    """The same without priorities."""


@service.define(priorities=True)
class Gathers:
    def __init__(self) -> None:
        self.batches: list[list[str]] = []

    @service.batch(max=2, seconds=60)
    async def together(self, calls: dict[TaskId, Call[int]]) -> None:
        self.batches.append([call.priority for call in calls.values()])


@pytest.fixture
def said() -> Iterator[list[str]]:
    """What the transports warn of."""
    logger.enable("leveret_broker")
    lines: list[str] = []
    sink = logger.add(lambda message: lines.append(str(message)), level="WARNING", format="{message}")
    yield lines
    logger.remove(sink)


def queue(priority: Priority) -> ServiceQueue:
    return ServiceQueue("Yard", priority)


async def send(world: World, name: str, priority: Priority = "normal", **fields: Any) -> Task:
    arguments = {"name": priority} if name == "Yard.load" else {}
    return await world.send(name, arguments, priority=priority, **fields)


async def subscribed(world: World, priority: Priority = "low") -> None:
    while await world.transport.inspect(queue(priority)) is None:
        await asyncio.sleep(0.001)


async def test_high_overtakes_a_backlog_of_low(world: World) -> None:
    yard = Yard()
    await world.start(yard, concurrency=1)
    await subscribed(world)
    await send(world, "Yard.hold")
    await world.until(lambda: bool(yard.begun))

    for _ in range(40):
        await send(world, "Yard.load", "low")
    for _ in range(16):
        await send(world, "Yard.load", "high")
    await world.until(lambda: world.left("Yard") == 1 or world.path is not None)
    await settled(world)
    yard.go.set()
    for _ in range(57):
        await world.ended()

    assert yard.begun.index("high") <= 2
    assert yard.begun[1:18].count("low") <= 3
    assert yard.begun.count("low") == 40


async def settled(world: World) -> None:
    """Let a worker take what its prefetch allows."""
    for _ in range(50):
        await asyncio.sleep(0 if world.path is None else 0.002)


async def test_low_begins_while_there_is_always_something_high(memory_world: World) -> None:
    world, yard = memory_world, Yard()
    await world.start(yard, concurrency=1)
    await subscribed(world)
    await send(world, "Yard.hold")
    for _ in range(300):
        await send(world, "Yard.load", "high")
    for _ in range(10):
        await send(world, "Yard.load", "low")

    yard.go.set()
    for _ in range(200):
        await world.ended()

    assert 8 <= yard.begun[:200].count("low") <= 10


async def test_without_a_queue_for_it_a_task_goes_with_the_others_and_the_log_says_so_once(
    world: World, said: list[str]
) -> None:
    plain = Plain()
    await world.start(plain)

    for _ in range(3):
        await send(world, "Yard.load", "high")
        await world.ended()
    await send(world, "Yard.fail", "low")
    await world.ended()

    assert plain.seen == ["high"] * 3 + ["low"] * 3
    assert [await world.transport.inspect(queue(priority)) is None for priority in PRIORITIES] == [True, False, True]
    assert [line for line in said if "has no queue for tasks of high priority" in line] == said[:1]
    assert len(said) <= 1 + 2  # of low priority the caller says it, and the worker for its retries


async def test_retries_and_their_delays_keep_the_priority(world: World) -> None:
    yard = Yard()
    await world.start(yard)
    await subscribed(world)

    await send(world, "Yard.fail", "low")
    await world.ended()

    assert yard.seen == ["low"] * 3
    await world.empty("Yard")


async def test_a_retry_waits_in_the_queue_of_its_priority(memory_world: World) -> None:
    world, yard = memory_world, Yard()
    worker = await world.start(yard)
    await subscribed(world)
    await send(world, "Yard.fail", "high")
    await world.until(lambda: yard.seen == ["high"])
    await worker.stop()

    depth = None
    while depth is None or not depth.messages:
        await asyncio.sleep(0.001)
        depth = await world.transport.inspect(queue("high"))

    normal = await world.transport.inspect(queue("normal"))
    assert normal is not None
    assert (depth.messages, normal.messages) == (1, 0)


async def test_what_a_dead_worker_had_comes_back_with_its_priority(
    memory_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "CLOSE_SECONDS", 0.0)
    world, first, second = memory_world, Yard(), Yard()
    dying = await world.start(first, name="dying", grace=0.0, leases=LeaseSettings(after=0.01, seconds=0.2, wait=0.01))
    await subscribed(world)
    await send(world, "Yard.hold", "high")
    await world.until(lambda: bool(first.begun))
    while (lease := (await world.store.leases("", 10))[:1]) == []:
        await asyncio.sleep(0.001)
    await dying.crash()
    taker = await world.transport.subscribe_service(queue("high"), 1)
    sweeper = world.sweeper(LeaseSettings(seconds=0.2))
    while not await sweeper.sweep():
        await asyncio.sleep(0.01)

    (delivery,) = await taker.take()
    task = decode(delivery.bodies[0]).message

    assert lease[0].service == "Yard"
    assert isinstance(task, Task)
    assert (task.priority, task.deaths) == ("high", 1)
    await taker.close()
    second.go.set()
    await world.start(second, name="w2")
    await world.ended()
    assert second.begun == ["hold"]


async def test_a_service_without_priorities_any_more_is_served_from_all_its_queues(world: World) -> None:
    first = await world.start(Yard())
    await subscribed(world)
    await first.stop()
    for priority in PRIORITIES:
        await send(world, "Yard.load", priority)

    plain = Plain()
    await world.start(plain)
    for _ in PRIORITIES:
        await world.ended()

    assert sorted(plain.begun) == sorted(PRIORITIES)
    await world.empty("Yard")


async def test_what_waits_too_long_behind_others_goes_back_to_its_queue(memory_world: World) -> None:
    world, yard, other = memory_world, Yard(), Yard()
    await world.start(yard, concurrency=1, leases=LeaseSettings(after=3600, wait=0.01))
    await subscribed(world)
    await send(world, "Yard.hold")
    await world.until(lambda: bool(yard.begun))
    (line,) = [worker.runner._line for worker in world.workers]
    await send(world, "Yard.load", "low")
    await world.until(lambda: len(line.waiting) == 1)

    await world.start(other, name="w2", concurrency=1)
    while not other.begun:  # it may come back to where it was
        for waiting in line.waiting:
            waiting.since = -3600.0  # type: ignore[union-attr]
        line._sort_out(3600.0) if line._timers else None
        await world.settle()
    await world.ended()

    assert (yard.begun, other.begun) == (["hold"], ["low"])
    yard.go.set()
    await world.ended()
    await world.empty("Yard")


async def test_calls_of_different_priorities_are_in_no_batch_together(world: World) -> None:
    gathers = Gathers()
    await world.start(gathers)
    while await world.transport.inspect(ServiceQueue("Gathers", "low")) is None:
        await asyncio.sleep(0.001)

    for number in range(4):
        priority: Priority = "high" if number % 2 else "low"
        await world.send("Gathers.together", {"n": number}, priority=priority)
    for _ in range(4):
        await world.ended()

    assert sorted(gathers.batches) == [["high", "high"], ["low", "low"]]


@pytest.mark.parametrize(
    ("settings", "queues"), [(ServiceSettings(priorities=False), 1), (ServiceSettings(), 3), (None, 3)]
)
async def test_settings_win_over_code(world: World, settings: ServiceSettings | None, queues: int) -> None:
    worker = await world.start(Yard(), settings=settings)

    await world.until(lambda: len(worker.runner._taking.subscriptions) == queues)


async def test_a_worker_whose_node_fails_begins_nothing_more(memory_world: World) -> None:
    world, yard = memory_world, Yard()
    worker = await world.start(yard, concurrency=1)
    await subscribed(world)
    await send(world, "Yard.hold")
    await world.until(lambda: bool(yard.begun))
    for _ in range(5):
        await send(world, "Yard.load", "low")
    await world.until(lambda: len(worker.runner._line.waiting) == 5)

    worker.running.cancel()
    await asyncio.wait({worker.running})

    assert yard.begun == ["hold"]
