"""Several workers, and what happens to them."""

import asyncio
from collections import Counter
from contextlib import suppress

import pytest

from leveret import service
from leveret.retry import Retry
from leveret_actors import patience
from leveret_actors.service.job import Job
from leveret_broker.address import ServiceQueue
from leveret_broker.embedded.queue import MemorySubscription
from leveret_broker.envelope import Ended
from leveret_broker.errors import StoreUnavailable
from leveret_broker.transport import Delivery
from tests.service.world import Worker, World


@pytest.fixture
def world(memory_world: World) -> World:
    return memory_world


class Yard:
    """Counts calls; ends them when told to."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.interrupted: Counter[str] = Counter()
        self.go = asyncio.Event()

    async def load(self) -> str:
        task_id = service.context().task_id
        self.calls[task_id] += 1
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.interrupted[task_id] += 1
            raise
        return task_id

    @service.task(retry=Retry(initial=0, attempts=2))
    async def fail(self) -> None:
        attempt = f"{service.context().attempt}"
        self.calls[attempt] += 1
        raise ValueError(attempt)

    async def started(self, count: int) -> None:
        async with asyncio.timeout(10):
            while self.calls.total() < count:
                await asyncio.sleep(0)


def waiting_in(worker: Worker) -> list[str]:
    return [job.task.task_id for job in worker.runner._line.waiting if isinstance(job, Job)]


async def test_S09_a_worker_killed_in_the_middle_of_a_task_leaves_it_to_another_one(world: World) -> None:
    yard, other = Yard(), Yard()
    other.go.set()
    first = await world.start(yard, name="w1")
    task = await world.send("Yard.load")
    await yard.started(1)

    await world.start(other, name="w2")
    await first.crash()
    envelope = await world.ended()

    assert isinstance(envelope.message, Ended)
    assert envelope.message.worker == "w2"
    assert other.calls == {task.task_id: 1}
    await world.empty("Yard")


async def test_S11_what_runs_finishes_within_the_grace_period_and_nothing_is_executed_twice(world: World) -> None:
    yard = Yard()
    first = await world.start(yard, name="w1", concurrency=1)
    tasks = [await world.send("Yard.load") for _ in range(3)]
    await yard.started(1)

    stopping = asyncio.create_task(first.stop())
    await asyncio.sleep(0)
    yard.go.set()
    await stopping
    left = world.left("Yard")
    await world.start(yard, name="w2")

    assert left == 2
    assert {await world.value() for _ in tasks} == {task.task_id for task in tasks}
    assert set(yard.calls.values()) == {1}
    await world.empty("Yard")


async def test_S11_what_is_not_finished_after_the_grace_period_is_interrupted_and_goes_back(world: World) -> None:
    yard = Yard()
    first = await world.start(yard, name="w1")
    task = await world.send("Yard.load")
    await yard.started(1)

    await first.stop(grace=0.01)
    left = world.left("Yard")
    yard.go.set()
    await world.start(yard, name="w2")

    assert (left, yard.interrupted) == (1, {task.task_id: 1})
    assert await world.value() == task.task_id


async def test_a_function_that_was_given_up_holds_up_no_stop(world: World) -> None:
    class Deaf:
        go = asyncio.Event()

        @service.task(timeout=0.01)
        async def run(self) -> None:
            while not self.go.is_set():
                with suppress(asyncio.CancelledError):
                    await self.go.wait()

    worker = await world.start(Deaf(), grace=0.01)
    await world.send("Deaf.run")
    await world.failure()

    await worker.stop(grace=1000)
    left = world.left("Deaf")
    Deaf.go.set()

    assert left == 0


async def test_a_stopped_worker_had_its_last_outcomes_confirmed(world: World) -> None:
    yard = Yard()
    yard.go.set()
    world.memory.latency = lambda: 0.02
    worker = await world.start(yard)
    await world.send("Yard.load")
    await yard.started(1)

    await worker.stop()

    assert world.left("Yard") == 0


async def test_a_stopped_worker_had_its_last_dead_letters_confirmed(world: World) -> None:
    worker = await world.start(Yard())
    await world.publish("Yard", b"garbage")
    world.memory.latency = lambda: 0.02
    await world.until(lambda: bool(worker.runner._desk._open))

    await worker.stop()

    assert world.left("Yard") == 0


@pytest.mark.parametrize("concurrency", [1, 4])
async def test_a_task_that_runs_on_over_a_lost_connection_is_recognised_when_it_is_redelivered(
    world: World, concurrency: int
) -> None:
    yard = Yard()
    worker = await world.start(yard, concurrency=concurrency)
    task = await world.send("Yard.load")
    await yard.started(1)
    hub = world.memory

    worker.cut()
    returned = len(hub.queue("t", ServiceQueue("Yard")).items)
    worker.relink()
    await world.empty("Yard")
    yard.go.set()
    await world.value()

    assert returned == 1
    assert yard.calls == {task.task_id: 1}


async def test_what_runs_on_over_a_lost_connection_keeps_its_slot(world: World) -> None:
    yard, other = Yard(), Yard()
    worker = await world.start(yard, name="w1", concurrency=1)
    await world.send("Yard.load", task_id="a")
    await yard.started(1)

    worker.cut()
    await world.start(other, name="w2", concurrency=1)
    await other.started(1)
    await world.send("Yard.load", task_id="b")
    worker.relink()
    await world.until(lambda: waiting_in(worker) == ["b"])
    lost = worker.runner._taking.subscriptions
    worker.cut()
    worker.relink()
    await world.until(lambda: worker.runner._taking.subscriptions is not lost and bool(worker.runner._line.waiting))
    waiting = waiting_in(worker)
    calls = dict(yard.calls)
    yard.go.set()
    await yard.started(2)
    other.go.set()
    await world.empty("Yard")

    assert (waiting, calls) == (["b"], {"a": 1})
    assert (yard.calls, other.calls) == ({"a": 1, "b": 1}, {"a": 1})


async def test_an_outcome_told_by_two_workers_has_one_id(world: World) -> None:
    first, second = Yard(), Yard()
    zombie = await world.start(first, name="zombie")
    task = await world.send("Yard.load")
    await first.started(1)

    zombie.cut()
    await world.start(second, name="w2")
    second.go.set()
    of_second = await world.ended()
    first.go.set()
    await asyncio.sleep(0)
    zombie.relink()
    of_zombie = await world.ended()

    assert of_second.id == of_zombie.id == f"{task.task_id}.end.0"
    await world.empty("Yard")


async def test_the_next_attempt_is_noted_only_once_it_is_sent_out(world: World) -> None:
    yard = Yard()
    worker = await world.start(yard)
    hub = world.memory
    task_id = "run.1"
    await world.send("Yard.fail", task_id=task_id)
    hub.latency = lambda: 1000.0
    await yard.started(1)
    await world.settle()
    noted = await world.store.attempts([task_id])
    await worker.crash()
    hub.latency = None

    await world.start(yard)
    failure = await world.failure()

    assert noted == [0]
    assert failure.where["attempt"] == "2"
    assert yard.calls == {"1": 2, "2": 1}
    assert await world.store.attempts([task_id]) == [2]


async def test_a_store_that_does_not_answer_stops_no_task(world: World) -> None:
    def fault(name: str, after: bool) -> None:
        raise StoreUnavailable(name)

    yard = Yard()
    world.room.fault = fault
    await world.start(yard)

    await world.send("Yard.fail")
    failure = await world.failure()

    assert failure.where["attempt"] == "2"
    await world.empty("Yard")


async def test_an_error_nobody_foresaw_ends_no_worker(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    take = MemorySubscription.take
    errors = [RuntimeError("a bug")]

    async def broken(subscription: MemorySubscription) -> list[Delivery]:
        deliveries = await take(subscription)
        if errors and "Yard" in str(subscription._queue.address):
            raise errors.pop()
        return deliveries

    monkeypatch.setattr(MemorySubscription, "take", broken)
    monkeypatch.setattr(patience, "pause", lambda *_, **__: 0.0)
    yard = Yard()
    yard.go.set()
    await world.start(yard)

    task = await world.send("Yard.load")

    assert await world.value() == task.task_id
    assert not errors


async def test_a_worker_takes_no_more_than_it_has_slots_for(world: World) -> None:
    yard = Yard()
    await world.start(yard, concurrency=2)

    for _ in range(5):
        await world.send("Yard.load")
    await yard.started(2)
    await world.settle()
    waiting = len(world.memory.queue("t", ServiceQueue("Yard")).items)
    running = yard.calls.total()
    yard.go.set()
    await world.empty("Yard")

    assert (running, waiting, yard.calls.total()) == (2, 3, 5)
