"""Tasks that were in the hands of workers which died: which one kills is found, the others are not blamed."""

import asyncio
import time
from collections import Counter
from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest

from leveret import service
from leveret.service import Call, TaskId
from leveret_actors.service import line, suspects
from leveret_actors.service.job import Job
from leveret_actors.service.suspects import Suspects
from leveret_actors.settings import LeaseSettings
from leveret_broker.address import ServiceQueue
from leveret_broker.codec import Payload
from leveret_broker.embedded.hub import MemoryHub
from leveret_broker.embedded.queue import Item
from leveret_broker.envelope import Task
from leveret_broker.transport import DELIVERY_LIMIT
from tests.service.world import Worker, World

SHORT = LeaseSettings(seconds=0.05, wait=0.0, deaths=3)
LONG = LeaseSettings(seconds=60.0, wait=0.0, deaths=3)


@pytest.fixture
def world(memory_world: World) -> World:
    return memory_world


class Crowd:
    """Notes who begins; the bad one kills its worker, by the hand of the test, while the good ones take their time."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.ended: Counter[str] = Counter()
        self.killing = asyncio.Event()
        self.go = asyncio.Event()

    async def good(self) -> str:
        task_id = service.context().task_id
        self.begun.append(task_id)
        await asyncio.sleep(0.005)
        self.ended[task_id] += 1
        return task_id

    async def bad(self) -> None:
        self.begun.append(service.context().task_id)
        self.killing.set()
        await asyncio.Event().wait()

    async def waits(self) -> str:
        task_id = service.context().task_id
        self.begun.append(task_id)
        await self.go.wait()
        return task_id

    @service.batch(max=3, seconds=60.0)
    async def many(self, calls: dict[TaskId, Call[int]]) -> dict[TaskId, int]:
        self.begun += list(calls)
        return {task_id: call.argument for task_id, call in calls.items()}


async def feed(world: World, crowd: Crowd, done: asyncio.Event) -> int:
    """Start workers and let the bad ones kill them, until there is nothing to kill; return how many died."""
    sweeper, died = world.sweeper(SHORT), 0
    while not done.is_set():
        worker = await world.start(crowd, name=f"w{died}", concurrency=8, leases=SHORT, grace=0.01)
        killed = asyncio.create_task(crowd.killing.wait())
        ended = asyncio.create_task(done.wait())
        while not (killed.done() or ended.done()):
            await asyncio.wait({killed, ended}, timeout=0.01)
            await sweeper.sweep()
        if killed.done():
            crowd.killing.clear()
            died += 1
            await worker.crash()
        killed.cancel()
        ended.cancel()
    return died


async def test_S09_who_shares_the_hands_of_dying_workers_with_poison_is_no_dead_letter(world: World) -> None:
    crowd, done = Crowd(), asyncio.Event()
    await world.route_dead_letters()
    bad = [(await world.send("Crowd.bad")).task_id for _ in range(4)]
    good = [(await world.send("Crowd.good")).task_id for _ in range(12)]

    feeding = asyncio.create_task(feed(world, crowd, done))
    ended = set[str]()
    while len(ended) < len(bad) + len(good):  # one whose worker died after it had told is told of twice
        ended.add((await world.ended()).id.partition(".end.")[0])
    done.set()
    died = await feeding
    letters = await world.store.dead_letters("", 100)

    assert ended == {*bad, *good}
    assert len(letters) == len(bad)
    assert {letter.reason for letter in letters} == {"3 workers died, or fell silent, while they ran it"}
    assert set(crowd.ended) == set(good)
    assert died <= len(bad) * (SHORT.deaths + suspects.UNSUSPECTED)


async def crashes(world: World, crowd: Crowd, count: int, times: int) -> Worker:
    """Let so many workers die that have begun `count` tasks, and return the next one."""
    for number in range(times):
        worker = await world.start(crowd, name=f"w{number}", leases=LONG, grace=0.01)
        await world.until(lambda number=number: len(crowd.begun) == count * (number + 1))  # type: ignore[misc]
        await worker.crash()
    crowd.begun.clear()
    return await world.start(crowd, name="last", leases=LONG, grace=0.01)


async def test_suspects_run_one_after_another_under_leases(world: World) -> None:
    crowd = Crowd()
    ids = [(await world.send("Crowd.waits")).task_id for _ in range(3)]

    await crashes(world, crowd, 3, suspects.UNSUSPECTED)
    await world.until(lambda: bool(crowd.begun))
    await world.settle()
    begun = list(crowd.begun)
    leases = await world.store.find_leases(ids)
    crowd.go.set()
    values = [await world.value() for _ in ids]

    assert begun == ids[:1]
    assert [lease is not None for lease in leases] == [True, False, False]
    assert values == ids
    await world.empty("Crowd")


async def test_a_suspect_that_runs_for_long_holds_up_the_others_only_while_it_is_on_probation(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suspects, "PROBATION", 0.01)
    crowd = Crowd()
    for _ in range(3):
        await world.send("Crowd.waits")

    await crashes(world, crowd, 3, suspects.UNSUSPECTED)

    await world.until(lambda: len(crowd.begun) == 3)


async def test_before_its_last_deaths_a_suspect_holds_up_the_others_until_it_has_ended(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suspects, "PROBATION", 0.0)
    crowd = Crowd()
    first, second = [(await world.send("Crowd.waits", deaths=2)).task_id for _ in range(2)]

    await world.start(crowd, leases=LONG, grace=0.01)
    await world.until(lambda: bool(crowd.begun))
    await world.settle()
    begun = list(crowd.begun)
    crowd.go.set()
    values = [await world.value(), await world.value()]

    assert begun == [first]
    assert values == [first, second]


async def test_other_tasks_run_beside_a_suspect(world: World) -> None:
    crowd = Crowd()
    await world.send("Crowd.waits", deaths=1)
    await world.start(crowd, leases=LONG, grace=0.01)
    await world.until(lambda: bool(crowd.begun))

    task = await world.send("Crowd.good")

    assert await world.value() == task.task_id


async def test_a_suspected_call_runs_in_no_batch_with_others(world: World) -> None:
    crowd = Crowd()
    await world.start(crowd, leases=LONG, grace=0.01)

    await world.send("Crowd.many", {"n": 5}, deaths=1)

    assert await world.value() == 5
    await world.empty("Crowd")


async def test_a_suspect_whose_arguments_do_not_fit_holds_up_nobody(world: World) -> None:
    crowd = Crowd()
    await world.start(crowd, leases=LONG, grace=0.01)
    for name in ("many", "good"):
        await world.send(f"Crowd.{name}", {"n": "five"}, deaths=2)

    failures = [await world.failure(), await world.failure()]
    task = await world.send("Crowd.good", deaths=2)

    assert all("five" in failure.message or "n" in failure.message for failure in failures)
    assert await world.value() == task.task_id


async def test_a_suspect_that_waits_long_is_sent_anew_before_the_broker_loses_patience(world: World) -> None:
    hub: MemoryHub = world.memory
    crowd = Crowd()
    crowd.go.set()
    worker = await world.start(crowd, leases=LONG, grace=0.01)
    await worker.stop()
    task = await world.send("Crowd.waits")
    (item,) = _items(hub)
    item.deliveries = suspects.ANEW

    await world.start(crowd, leases=LONG, grace=0.01)

    assert await world.value() == task.task_id
    assert suspects.ANEW < DELIVERY_LIMIT
    assert await world.store.find_leases([task.task_id]) == [None]


async def test_a_node_that_stops_gives_suspects_back_without_counting_a_death(world: World) -> None:
    crowd, other = Crowd(), Crowd()
    other.go.set()
    ids = [(await world.send("Crowd.waits", deaths=1)).task_id for _ in range(2)]
    worker = await world.start(crowd, leases=LONG, grace=0.01)
    await world.until(lambda: bool(crowd.begun))

    await worker.stop(grace=0.0)
    await world.start(other, name="w2", leases=LONG, grace=0.01)

    assert sorted([await world.value(), await world.value()]) == sorted(ids)
    leases = [lease for lease in await world.store.find_leases(ids) if lease is not None]
    assert {lease.deaths for lease in leases} == {1}


async def test_a_suspect_that_is_cancelled_before_it_has_a_slot_holds_up_nobody(world: World) -> None:
    crowd = Crowd()
    worker = await world.start(crowd, leases=LONG, grace=0.01, concurrency=1)
    await world.send("Crowd.waits")
    await world.until(lambda: len(crowd.begun) == 1)
    first, second = [(await world.send("Crowd.good", deaths=1)).task_id for _ in range(2)]
    await world.until(lambda: bool(worker.runner._line.waiting))

    await world.cancel(first, time.time() + 60)
    await world.until(lambda: first in worker.runner._revocations._heard)
    crowd.go.set()

    assert [await world.value(), await world.value()][1] == second
    assert first not in crowd.begun


async def test_a_suspect_that_waits_too_long_for_a_slot_goes_back_and_holds_up_nobody(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "GIVE_BACK", 0.02)
    crowd, other = Crowd(), Crowd()
    await world.start(crowd, leases=replace(LONG, after=0.001), grace=0.01, concurrency=1)
    await world.send("Crowd.waits")
    await world.until(lambda: len(crowd.begun) == 1)
    await world.empty("Crowd")

    ids = {(await world.send("Crowd.good", deaths=1)).task_id for _ in range(3)}
    await world.start(other, name="w2", leases=LONG, grace=0.01)

    assert {await world.value() for _ in ids} == ids
    assert set(other.begun) == ids


def suspect(name: str) -> Job:
    return cast("Job", SimpleNamespace(earlier=suspects.UNSUSPECTED, task=Task(name, "S", "t", Payload(b""), deaths=1)))


async def test_suspects_that_went_back_with_their_subscription_are_tried_no_more() -> None:
    tried = list[Job]()
    turns = Suspects(tried.append, tried.append, deaths=5)
    one, two, three, four, five = map(suspect, "12345")

    turns.take(one)
    turns.take(two)
    turns.clear()  # nothing was started
    turns.take(three)
    turns.begun(three)
    turns.take(four)
    turns.clear()
    turns.take(five)

    assert tried == [one, three]
    turns.ended(three)
    assert tried == [one, three, five]


def _items(hub: MemoryHub) -> list[Item]:
    return list(hub.queue("t", ServiceQueue("Crowd")).items)
