"""Delegated tasks and heartbeats, seen from one worker."""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

import pytest

from leveret import service
from leveret.retry import Retry
from leveret_actors.settings import LeaseSettings, ServiceSettings
from leveret_actors.store.leases import Lease
from leveret_broker.address import ServiceQueue
from leveret_broker.envelope import ClientCaller, Done, Envelope, Refused, SettleTask, decode, encode
from leveret_broker.errors import ConfigurationError, StoreUnavailable
from leveret_broker.outcome import Completed, Failed, Failure
from tests.service.test_leases import lease_of, with_status
from tests.service.world import World


class Approval(Protocol):
    async def approve(self, amount: int) -> bool: ...


class Desk(Approval):
    """Hands every request to somebody, and keeps their ids."""

    def __init__(self) -> None:
        self.handed = asyncio.Queue[str]()
        self.attempts = list[int]()
        self.during: Callable[[str], None] = lambda _: None
        self.back = asyncio.Event()
        self.back.set()

    @service.task(delegated=True)
    async def approve(self, amount: int) -> None:
        context = service.context()
        self.attempts.append(context.attempt)
        self.handed.put_nowait(context.task_id)
        await self.back.wait()

    async def handed_to(self) -> str:
        async with asyncio.timeout(10):
            return await self.handed.get()


class Settler:
    """Settles tasks, and waits for the answers."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.answers = asyncio.Queue[bytes]()

    async def __call__(self, task_id: str, outcome: object, *, retry: bool = False, sequence: int = -1) -> object:
        settled = outcome if isinstance(outcome, Failed) else Completed(self.world.codec.dump(outcome))
        message = SettleTask(task_id, settled, retry, sequence, ClientCaller("me", "r"))
        await self.world.transport.publish(ServiceQueue("Approval"), encode(Envelope("m", "", message)))
        async with asyncio.timeout(10):
            return decode(await self.answers.get()).message


async def settler(world: World) -> Settler:
    made = Settler(world)
    await world.transport.subscribe_replies("me", made.answers.put_nowait, lambda: None)
    return made


def refused(text: str) -> Failed:
    return Failed(Failure("Refused", text))


async def test_S06_a_delegated_task_stays_open_when_its_function_has_returned(world: World) -> None:
    desk, settle = Desk(), await settler(world)
    await world.start(desk)
    task = await world.send("Approval.approve", {"amount": 5})
    task_id = await desk.handed_to()
    lease = await with_status(world, task_id, "delegated")
    await world.empty("Approval")

    answer = await settle(task_id, True)

    assert task_id == task.task_id
    assert (lease.holder, lease.name) == ("", "approve")
    assert await world.value() is True
    assert answer == Done(True, 1, f"task {task_id} is completed")
    assert (await with_status(world, task_id, "completed")).body == b""


async def test_S06_a_task_may_be_completed_before_its_function_has_returned(world: World) -> None:
    desk, settle = Desk(), await settler(world)
    desk.back.clear()
    await world.start(desk)
    await world.send("Approval.approve", {"amount": 5})
    task_id = await desk.handed_to()

    await settle(task_id, False)
    value = await world.value()
    desk.back.set()
    await world.empty("Approval")

    assert value is False
    assert (await with_status(world, task_id, "completed")).attempt == 1


async def test_S06_the_second_completion_is_told_that_it_came_second(world: World) -> None:
    desk, settle = Desk(), await settler(world)
    await world.start(desk)
    await world.send("Approval.approve", {"amount": 5})
    task_id = await desk.handed_to()
    await settle(task_id, True)
    await world.value()

    again = await settle(task_id, False)
    unknown = await settle("nobody", True)
    other_life = await settle(task_id, True, sequence=3)

    assert again == Done(True, 0, f"task {task_id} is completed already")
    for answer in (unknown, other_life):
        assert isinstance(answer, Done)
        assert (answer.found, answer.count) == (False, 0)
        assert "there is no open task" in answer.text


async def test_S06_a_result_that_does_not_fit_the_contract_is_refused_and_the_task_stays_open(world: World) -> None:
    desk, settle = Desk(), await settler(world)
    await world.start(desk)
    await world.send("Approval.approve", {"amount": 5})
    task_id = await desk.handed_to()

    answer = await settle(task_id, ["yes"])
    await settle(task_id, True)

    assert isinstance(answer, Refused)
    assert "does not fit Approval.approve" in answer.text
    assert await world.value() is True


async def test_S06_a_task_that_is_not_delegated_cannot_be_completed_from_outside(world: World) -> None:
    class Approval:
        def __init__(self) -> None:
            self.go = asyncio.Event()

        async def approve(self, amount: int) -> int:
            await self.go.wait()
            return amount

    plain, settle = Approval(), await settler(world)
    await world.start(plain, leases=LeaseSettings(after=0.01, wait=0.01))
    task = await world.send("Approval.approve", {"amount": 5})
    await with_status(world, task.task_id, "running")

    answer = await settle(task.task_id, 7)
    plain.go.set()

    assert isinstance(answer, Refused)
    assert "no delegated task" in answer.text
    assert await world.value() == 5


async def test_S06_a_failed_delegate_fails_the_task_at_once(world: World) -> None:
    desk, settle = Desk(), await settler(world)
    await world.start(desk, settings=ServiceSettings(retry=Retry(initial=0, attempts=5)))
    await world.send("Approval.approve", {"amount": 5})
    task_id = await desk.handed_to()

    answer = await settle(task_id, refused("too much"))
    failure = await world.failure()

    assert answer == Done(True, 1, f"task {task_id} is failed")
    assert (failure.message, failure.where["task_id"], desk.attempts) == ("too much", task_id, [1])


async def test_S06_with_retry_the_policy_decides_whether_the_function_runs_again(world: World) -> None:
    desk, settle = Desk(), await settler(world)
    await world.start(desk, settings=ServiceSettings(retry=Retry(initial=0, attempts=2)))
    await world.send("Approval.approve", {"amount": 5})
    task_id = await desk.handed_to()

    first = await settle(task_id, refused("ill"), retry=True)
    again = await desk.handed_to()
    await with_status(world, task_id, "delegated")
    last = await settle(task_id, refused("still ill"), retry=True)
    failure = await world.failure()

    assert isinstance(first, Done)
    assert "tried again" in first.text
    assert again == task_id
    assert last == Done(True, 1, f"task {task_id} is failed")
    assert (failure.message, desk.attempts) == ("still ill", [1, 2])


async def test_S06_a_delegated_task_over_its_contract_timeout_cannot_be_completed(memory_world: World) -> None:
    world, desk, settle = memory_world, Desk(), await settler(memory_world)
    await world.start(desk)
    await world.send("Approval.approve", {"amount": 5}, deadline=time.time() + 0.2)
    task_id = await desk.handed_to()
    lease = await with_status(world, task_id, "delegated")

    await world.until(lambda: time.time() > lease.until)
    late = await settle(task_id, True)
    await world.sweeper().sweep()
    later = await settle(task_id, True)

    assert late == Done(True, 0, f"task {task_id} is over its timeout")
    assert later == Done(True, 0, f"task {task_id} is timed out already")


async def test_S06_a_cancelled_delegated_task_cannot_be_completed(world: World) -> None:
    desk, settle = Desk(), await settler(world)
    await world.start(desk)
    await world.send("Approval.approve", {"amount": 5})
    task_id = await desk.handed_to()
    await with_status(world, task_id, "delegated")

    await world.store.revoke([task_id], time.time() + 60)

    assert await settle(task_id, True) == Done(True, 0, f"task {task_id} is cancelled already")


async def test_S06_a_delegated_task_waits_for_the_store_rather_than_run_without_it(memory_world: World) -> None:
    world, desk = memory_world, Desk()
    away = True

    def fault(name: str, _: bool) -> None:
        if away and name == "hold":
            raise StoreUnavailable("away")

    world.room.fault = fault
    await world.start(desk, leases=LeaseSettings(seconds=0.1, wait=0.01))
    await world.send("Approval.approve", {"amount": 5})
    await world.settle()
    before = list(desk.attempts)
    away = False
    task_id = await desk.handed_to()

    assert before == []
    assert (await with_status(world, task_id, "delegated")).attempt == 1


async def test_S06_settling_waits_for_the_store(memory_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leveret_actors.service.settling.PAUSE", 0.01)
    world, desk, settle = memory_world, Desk(), await settler(memory_world)
    await world.start(desk)
    await world.send("Approval.approve", {"amount": 5})
    task_id = await desk.handed_to()
    await with_status(world, task_id, "delegated")
    times = 3

    def fault(name: str, _: bool) -> None:
        nonlocal times
        if name == "replace" and times:
            times -= 1
            raise StoreUnavailable("away")

    world.room.fault = fault

    assert await settle(task_id, True) == Done(True, 1, f"task {task_id} is completed")
    assert await world.value() is True


class Climber:
    """Climbs, and says how high it is."""

    def __init__(self) -> None:
        self.seen = list[object]()
        self.go = asyncio.Event()

    async def climb(self) -> str:
        context = service.context()
        self.seen.append(context.progress)
        context.heartbeat({"metres": 10 * context.attempt})
        await self.go.wait()
        return "up"

    @service.task(heartbeat=0.05, retry=Retry(initial=0, attempts=2))
    async def rest(self) -> None:
        context = service.context()
        self.seen.append(context.progress)
        context.heartbeat("resting")
        await asyncio.Event().wait()

    @service.task(heartbeat=0.2)
    async def chatter(self) -> str:
        end = time.monotonic() + 0.5
        while time.monotonic() < end:
            service.context().heartbeat()
            await asyncio.sleep(0)
        return "talked"


async def told(world: World, task_id: str, progress: object) -> Lease:
    """Wait until the store has this progress."""
    async with asyncio.timeout(10):
        while (lease := await lease_of(world, task_id)) is None or lease.progress != world.codec.dump(progress):
            await asyncio.sleep(0.005)
    return lease


async def test_what_a_heartbeat_says_is_in_the_store_at_once(world: World) -> None:
    climber = Climber()
    await world.start(climber)
    task = await world.send("Climber.climb")

    lease = await told(world, task.task_id, {"metres": 10})
    climber.go.set()

    assert (lease.status, lease.holder) == ("running", "w1")
    assert await world.value() == "up"


async def test_an_attempt_that_is_silent_for_too_long_has_failed_and_the_next_one_knows_its_progress(
    world: World,
) -> None:
    climber = Climber()
    await world.start(climber)

    await world.send("Climber.rest")
    failure = await world.failure()

    assert climber.seen == [None, "resting"]
    assert failure.type.endswith("HeartbeatTimedOut")
    assert "silent for more than 0.05 s" in failure.message


async def test_an_attempt_that_is_heard_goes_on(world: World) -> None:
    await world.start(Climber())

    await world.send("Climber.chatter")

    assert await world.value() == "talked"


async def test_a_file_may_say_how_long_attempts_may_be_silent(world: World) -> None:
    climber = Climber()
    await world.start(climber, settings=ServiceSettings(heartbeat=0.03))

    await world.send("Climber.climb")

    assert "silent for more than 0.03 s" in (await world.failure()).message


async def test_heartbeats_of_many_tasks_cost_one_trip(memory_world: World) -> None:
    world, climber, trips = memory_world, Climber(), list[str]()
    await world.start(climber, concurrency=20, leases=LeaseSettings(seconds=6.0, wait=0.01))
    tasks = [await world.send("Climber.climb") for _ in range(20)]
    for task in tasks:
        await told(world, task.task_id, {"metres": 10})
    world.room.fault = lambda name, after: trips.append(name) if after and name == "renew" else None

    for job in world.workers[0].runner._jobs.values():
        assert job.attempt is not None
        for metres in range(100):
            job.attempt.context.heartbeat({"metres": metres})
    for task in tasks:
        await told(world, task.task_id, {"metres": 99})
    climber.go.set()

    assert trips == ["renew"]


async def test_the_next_worker_goes_on_from_the_progress_of_a_dead_one(memory_world: World) -> None:
    world, climber, other = memory_world, Climber(), Climber()
    first = await world.start(climber, leases=LeaseSettings(seconds=0.1, wait=0.01), grace=0.05)
    task = await world.send("Climber.climb")
    await told(world, task.task_id, {"metres": 10})

    await first.crash()
    await world.start(other, name="w2")
    async with asyncio.timeout(10):
        while not await world.sweeper().sweep():
            await asyncio.sleep(0.01)
    other.go.set()

    assert await world.value() == "up"
    assert other.seen == [{"metres": 10}]


def test_a_function_in_a_process_has_no_heartbeat() -> None:
    with pytest.raises(ConfigurationError, match="process of its own"):

        @service.task(process=True, heartbeat=1)
        def work() -> None: ...
