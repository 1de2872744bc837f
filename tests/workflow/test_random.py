"""I4, R02: whatever comes in whatever order, live, evicted and replayed actors are one and the same."""

import asyncio
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leveret import service, workflow
from leveret.errors import DeferredError
from leveret_broker.envelope import AwaitResult, Cancel, ClientCaller, Envelope
from leveret_broker.outcome import Failed, Failure
from tests.workflow.harness import Driver


@service.define(name="Busy")
class Busy:
    async def work(self, n: int) -> int:
        return n


@workflow.define(name="Chaos")
class Chaos:
    busy = workflow.service(Busy, timeout=50)
    numbers = workflow.Channel[int]()
    now = workflow.Channel[int](buffered=False)

    async def run(self) -> list[Any]:
        log: list[Any] = []
        async with asyncio.TaskGroup() as group:
            for part in (self.reader, self.racer, self.worker, self.impatient):
                group.create_task(part(log))
        return log

    async def reader(self, log: list[Any]) -> None:
        for _ in range(3):
            number = await self.numbers.receive(where=lambda n: n % 2 == 0)
            log.append(number)

    async def racer(self, log: list[Any]) -> None:
        for _ in range(3):
            won = await workflow.first(
                late=workflow.timer(seconds=20),
                odd=self.numbers.receive(where=lambda n: n % 2 == 1),
                now=self.now.receive(),
            )
            log.append([won.name, won.value, workflow.now().timestamp(), workflow.random().random()])

    async def worker(self, log: list[Any]) -> None:
        for n in range(4):
            both = workflow.dispatch(self.busy.work, n) & (
                workflow.dispatch(self.busy.work, n + 10) | workflow.dispatch(self.busy.work, n + 20)
            )
            try:
                log.append(await both)
            except DeferredError as error:
                log.append(type(error).__name__)

    async def impatient(self, log: list[Any]) -> None:
        for n in range(3):
            try:
                log.append(await asyncio.wait_for(self.busy.work(n + 100), 15))
            except (TimeoutError, DeferredError) as error:
                log.append(type(error).__name__)
            except asyncio.CancelledError:
                log.append("cancelled")
                await asyncio.sleep(3)
                raise


Step = Callable[[Driver], Envelope]


def end_of_some_task(driver: Driver, index: int, ok: bool) -> Envelope:
    tasks = [task for task in driver.tasks if task.run == driver.run]
    number = int(tasks[index % len(tasks)].task_id.rpartition(".")[2]) if tasks else 1
    return driver.ended(number, number if ok else Failed(Failure("E", "no")))


ends = st.builds(
    lambda index, ok: lambda d: end_of_some_task(d, index, ok),
    st.integers(0, 25),
    st.booleans(),
)
signals = st.builds(
    lambda channel, n, again: lambda d: d.signal_envelope(channel, n, message_id=f"s{n}" if again else None),
    st.sampled_from(["numbers", "now", "nowhere"]),
    st.one_of(st.integers(0, 9), st.just("bad")),
    st.booleans(),
)
cancels = st.builds(
    lambda number: lambda d: d.envelope(Cancel(number=number)), st.sampled_from([-1, 1, 2, 3, 5, 8, 13, 17])
)
others = st.sampled_from(
    [
        lambda d: d.start_envelope(),
        lambda d: d.start_envelope(message_id="again", on_closed="new"),
        lambda d: d.envelope(AwaitResult(ClientCaller("c", "r")), run=d.run),
    ]
)
turns = st.lists(
    st.one_of(
        st.lists(st.one_of(ends, ends, ends, signals, signals, others), min_size=1, max_size=5),
        st.lists(st.one_of(cancels, ends), min_size=1, max_size=2),
        st.floats(0.5, 30),
    ),
    max_size=25,
)


def drive(driver: Driver, steps: list[list[Step] | float]) -> None:
    driver.start()
    for step in steps:
        if not isinstance(step, list):
            driver.advance(step)
        else:
            driver.turn(*(make(driver) for make in step))


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(turns)
def test_R02_an_actor_evicted_after_every_turn_is_the_one_never_evicted(steps: list[list[Step] | float]) -> None:
    kept, evicted = Driver(Chaos), Driver(Chaos, evict=True)

    drive(kept, steps)
    drive(evicted, steps)

    assert kept.store.journal == evicted.store.journal
    assert kept.store.state == evicted.store.state
    assert kept.store.timers == evicted.store.timers
    assert kept.posts == evicted.posts
    assert kept.status != "blocked"


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(turns)
def test_every_message_delivered_twice_changes_nothing(steps: list[list[Step] | float]) -> None:
    driver = Driver(Chaos)
    driver.start()

    for step in steps:
        if not isinstance(step, list):
            driver.advance(step)
            continue
        envelopes = [make(driver) for make in step]
        driver.turn(*envelopes)
        before = driver.store.state, list(driver.store.journal)
        driver.turn(*envelopes)
        assert (driver.store.state, driver.store.journal) == before
