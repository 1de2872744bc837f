"""Tasks under leases: what runs for long, and what runs on over a lost connection, runs once."""

import asyncio
from collections import Counter
from collections.abc import Callable

import pytest

from leveret import service
from leveret.retry import Retry
from leveret_actors.service import line, waiting
from leveret_actors.settings import LeaseSettings, ServiceSettings
from leveret_actors.store.leases import FINISHED, Lease
from leveret_broker.envelope import Envelope, Task, encode
from leveret_broker.errors import StoreUnavailable
from tests.service.world import Worker, World

AT_ONCE = LeaseSettings(after=0.02, seconds=60.0, wait=0.01)
"""Whatever runs gets a lease, and keeps it over the test."""
NEVER = LeaseSettings(after=3600.0, wait=0.01)


class Ship:
    """Sails until it is told to land."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.contexts: list[service.TaskContext] = []
        self.go = asyncio.Event()
        self.sails = asyncio.Event()
        self.stopped = asyncio.Event()

    async def sail(self) -> str:
        context = service.context()
        self.calls[context.task_id] += 1
        self.contexts.append(context)
        self.sails.set()
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.stopped.set()
            raise
        return "landed"

    async def sink(self) -> str:
        await self.sail()
        if service.context().attempt == 1:
            raise OSError("a leak")
        return "towed"


async def joined(world: World, target: Ship, leases: LeaseSettings) -> Worker:
    """Start a second worker, and wait until it takes."""
    worker = await world.start(target, name="w2", leases=leases)
    await world.until(lambda: bool(worker.runner._taking.subscriptions))
    return worker


def drop_connection(worker: Worker) -> None:
    """Have its deliveries go back, while its process lives and learns of it."""
    worker.cut()
    worker.relink()


async def lease_of(world: World, task_id: str) -> Lease | None:
    (lease,) = await world.store.find_leases([task_id])
    return lease


async def with_status(world: World, task_id: str, status: str) -> Lease:
    """Wait until the task's lease has a status."""
    async with asyncio.timeout(10):
        while (lease := await lease_of(world, task_id)) is None or lease.status != status:
            await asyncio.sleep(0.001)
    return lease


async def test_a_long_attempt_gets_a_lease_and_its_delivery_is_acknowledged_while_it_runs(world: World) -> None:
    ship = Ship()
    await world.start(ship, leases=AT_ONCE)

    task = await world.send("Ship.sail")
    await world.empty("Ship")
    lease = await with_status(world, task.task_id, "running")
    ship.go.set()

    assert (lease.service, lease.name, lease.holder, lease.order) == ("Ship", "sail", "w1", (0, 1, 0))
    assert await world.value() == "landed"
    assert (await with_status(world, task.task_id, "completed")).body == b""
    assert ship.calls == {task.task_id: 1}


async def test_a_short_attempt_asks_the_store_for_no_lease(memory_world: World) -> None:
    ship, asked = Ship(), list[str]()
    memory_world.room.fault = lambda name, _: asked.append(name)
    ship.go.set()
    await memory_world.start(ship)

    for _ in range(10):
        await memory_world.send("Ship.sail")
    for _ in range(10):
        await memory_world.value()
    await memory_world.empty("Ship")

    assert not set(asked) & {"hold", "renew", "replace", "find_leases"}


async def test_a_task_that_runs_on_over_a_lost_connection_is_not_run_by_another_worker(memory_world: World) -> None:
    world, ship, other = memory_world, Ship(), Ship()
    first = await world.start(ship, leases=NEVER)
    task = await world.send("Ship.sail")
    await ship.sails.wait()

    await joined(world, other, NEVER)
    drop_connection(first)
    await with_status(world, task.task_id, "running")
    await world.empty("Ship")
    ship.go.set()

    assert await world.value() == "landed"
    assert (ship.calls, other.calls) == ({task.task_id: 1}, {})


async def test_a_worker_waits_a_moment_for_the_lease_of_who_runs_a_redelivered_task(memory_world: World) -> None:
    world, ship, other = memory_world, Ship(), Ship()
    patient = LeaseSettings(after=3600.0, wait=0.3)
    first = await world.start(ship, leases=LeaseSettings(after=3600.0, seconds=0.3))
    task = await world.send("Ship.sail")
    await ship.sails.wait()
    taken = asyncio.Event()
    looked = asyncio.Event()

    def late(name: str, after: bool) -> None:
        if name == "find_leases" and after:
            looked.set()
        if name == "hold" and not looked.is_set():
            raise StoreUnavailable("slow")
        if name == "hold" and after:
            taken.set()

    world.room.fault = late
    await joined(world, other, patient)
    drop_connection(first)
    await taken.wait()
    await world.empty("Ship")
    ship.go.set()

    assert await world.value() == "landed"
    assert (ship.calls, other.calls) == ({task.task_id: 1}, {})


async def test_a_task_that_ended_while_its_connection_was_lost_is_not_run_again(memory_world: World) -> None:
    world, ship, other = memory_world, Ship(), Ship()
    first = await world.start(ship, leases=NEVER)
    task = await world.send("Ship.sail")
    await ship.sails.wait()

    await joined(world, other, LeaseSettings(after=3600.0, wait=0.3))
    ship.go.set()
    await asyncio.sleep(0)
    drop_connection(first)
    await world.value()
    await world.empty("Ship")

    assert (ship.calls, other.calls) == ({task.task_id: 1}, {})


async def test_without_the_store_a_redelivered_task_runs_once_more_rather_than_never(memory_world: World) -> None:
    world, ship, other = memory_world, Ship(), Ship()

    def away(name: str, _: bool) -> None:
        if name in {"hold", "find_leases", "attempts", "revoked"}:
            raise StoreUnavailable("away")

    world.room.fault = away
    first = await world.start(ship, leases=NEVER)
    task = await world.send("Ship.sail")
    await ship.sails.wait()

    await joined(world, other, NEVER)
    drop_connection(first)
    await other.sails.wait()
    ship.go.set()
    other.go.set()

    assert await world.value() == "landed"
    await world.empty("Ship")
    assert ship.calls + other.calls == {task.task_id: 2}


async def test_the_task_of_a_dead_worker_runs_on_another_one_once_its_lease_is_over(memory_world: World) -> None:
    world, ship, other = memory_world, Ship(), Ship()
    short = LeaseSettings(after=0.02, seconds=0.2, wait=0.01)
    first = await world.start(ship, leases=short, grace=0.05)
    task = await world.send("Ship.sail")
    await with_status(world, task.task_id, "running")
    await world.empty("Ship")

    await first.crash()
    await world.start(other, name="w2", leases=AT_ONCE)
    async with asyncio.timeout(10):
        while not await world.sweeper().sweep():
            await asyncio.sleep(0.01)
    await other.sails.wait()
    lease = await with_status(world, task.task_id, "running")
    other.go.set()

    assert await world.value() == "landed"
    assert (lease.holder, lease.deaths, other.contexts[0].attempt) == ("w2", 1, 1)
    assert other.calls == {task.task_id: 1}


async def test_a_worker_that_lost_its_lease_stops_the_attempt_and_tells_nobody(memory_world: World) -> None:
    world, ship, other = memory_world, Ship(), Ship()
    short = LeaseSettings(after=0.02, seconds=0.3, wait=0.01)
    slow = await world.start(ship, leases=short)
    task = await world.send("Ship.sail")
    await with_status(world, task.task_id, "running")

    world.room.fault = _refuses("renew")  # a holder that cannot reach the store
    async with asyncio.timeout(10):
        while not await world.sweeper().sweep():
            await asyncio.sleep(0.01)
    world.room.fault = None
    await ship.stopped.wait()
    await world.start(other, name="w2", leases=AT_ONCE)
    other.go.set()
    ship.go.set()

    assert await world.value() == "landed"
    await world.empty("Ship")
    await world.until(lambda: not slow.runner._leases._later)
    assert (ship.calls + other.calls) == {task.task_id: 2}
    assert await world.store.attempts([task.task_id]) == [0]  # or the copy of whoever goes on would be dropped


def _refuses(wanted: str) -> Callable[[str, bool], None]:
    def fault(name: str, _: bool) -> None:
        if name == wanted:
            raise StoreUnavailable("away")

    return fault


async def test_a_task_that_kills_its_workers_under_leases_becomes_a_dead_letter(memory_world: World) -> None:
    world, ship = memory_world, Ship()
    await world.route_dead_letters()
    short = LeaseSettings(after=0.001, seconds=0.02, wait=0.0, deaths=3)

    task = await world.send("Ship.sail", deaths=2)
    worker = await world.start(ship, leases=short, grace=0.05)
    await with_status(world, task.task_id, "running")
    await worker.crash()
    async with asyncio.timeout(10):
        while not await world.sweeper(short).sweep():
            await asyncio.sleep(0.01)
    failure = await world.failure()
    letter = await world.letter()

    assert failure.type == "DeadLettered"
    assert "3 workers" in letter.reason
    assert await lease_of(world, task.task_id) is None


async def test_a_failed_attempt_under_a_lease_is_retried_as_the_policy_says(world: World) -> None:
    ship = Ship()
    await world.start(ship, leases=AT_ONCE, settings=ServiceSettings(retry=Retry(initial=0, attempts=2)))
    task = await world.send("Ship.sink")
    await with_status(world, task.task_id, "running")

    ship.go.set()

    assert await world.value() == "towed"
    assert [context.attempt for context in ship.contexts] == [1, 2]
    await world.empty("Ship")


async def test_what_a_stopping_node_cannot_finish_under_a_lease_goes_back_to_the_queue(world: World) -> None:
    ship, other = Ship(), Ship()
    first = await world.start(ship, leases=AT_ONCE)
    task = await world.send("Ship.sail")
    await with_status(world, task.task_id, "running")
    await world.empty("Ship")

    await first.stop(0.01)
    left = world.left("Ship")
    lease = await lease_of(world, task.task_id)
    other.go.set()
    await world.start(other, name="w2", leases=AT_ONCE)

    assert (left, lease) == (1, None)
    assert await world.value() == "landed"
    assert other.calls == {task.task_id: 1}


async def test_the_result_of_a_finished_lease_is_sent_by_whoever_finds_it(memory_world: World) -> None:
    world, ship = memory_world, Ship()
    worker = await world.start(ship, leases=AT_ONCE, grace=0.05)
    task = await world.send("Ship.sail")
    await with_status(world, task.task_id, "running")

    world.memory.latency = lambda: 3600.0  # what it publishes stays on the way
    ship.go.set()
    finished = await with_status(world, task.task_id, "finished")
    await worker.crash()
    world.memory.latency = lambda: 0.0
    world.room.leases.rows[task.task_id] = _over(finished)
    await world.sweeper().sweep()

    assert await world.value() == "landed"
    assert (await with_status(world, task.task_id, "completed")).parcel == b""


def _over(lease: Lease) -> Lease:
    return Lease(**{name: getattr(lease, name) for name in lease.__struct_fields__ if name != "until"})


async def test_what_waits_for_a_slot_for_too_long_goes_back_to_the_queue(
    memory_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "GIVE_BACK", 0.02)
    world, ship, other = memory_world, Ship(), Ship()
    await world.start(ship, leases=AT_ONCE, concurrency=1)
    first = await world.send("Ship.sail")
    await with_status(world, first.task_id, "running")
    await world.empty("Ship")

    second = await world.send("Ship.sail")
    await world.start(other, name="w2", concurrency=1)
    await other.sails.wait()
    other.go.set()
    ship.go.set()

    assert {await world.value() for _ in range(2)} == {"landed"}
    assert (ship.calls, other.calls) == ({first.task_id: 1}, {second.task_id: 1})


async def test_a_lease_that_the_store_cannot_take_off_is_taken_off_later(
    memory_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "PAUSE", 0.01)
    world, ship = memory_world, Ship()
    await world.start(ship, leases=AT_ONCE)
    task = await world.send("Ship.sail")
    await with_status(world, task.task_id, "running")

    world.room.fault = _refuses("replace")
    ship.go.set()
    value = await world.value()
    world.room.fault = None

    assert value == "landed"
    assert (await with_status(world, task.task_id, "completed")).holder == ""
    assert ship.calls == {task.task_id: 1}


async def test_a_lease_that_nobody_can_deal_with_holds_up_no_other_one(memory_world: World) -> None:
    world = memory_world
    broken = Lease(task="run.0", service="Ship", name="sail", sequence=0, attempt=1, status=FINISHED)  # an empty parcel
    body = encode(Envelope("m", "", Task("run.1", "Ship", "sail", world.codec.dump({}))))
    good = Lease(task="run.1", service="Ship", name="sail", sequence=0, attempt=1, body=body)
    assert await world.store.hold([broken, good], 0.0) == [None, None]

    assert await world.sweeper().sweep() == 2

    assert world.left("Ship") == 1
