"""Whatever is called in whatever order: with folding and without it, live and cold, an instance is the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leveret import workflow
from leveret.errors import DeferredError
from leveret_actors.workflow import EngineSettings
from leveret_broker.envelope import Cancel, Envelope, RetryTasks
from tests.workflow.card import Card, asks
from tests.workflow.harness import Driver
from tests.workflow.test_random import Chaos, end_of_some_task, turns
from tests.workflow.test_random import drive as drive_chaos


@workflow.define(name="Card")
class Program(Card):
    """A main method that does something now and then, and remembers what it saw."""

    async def run(self, goal: int = 0) -> Any:
        log: list[Any] = []
        for step in range(1, 4):
            await workflow.wait_for(lambda step=step: self.points >= goal + 20 * step)  # type: ignore[misc]
            try:
                log.append([self.points, await self.shop.post(step), workflow.random().random()])
            except DeferredError as error:
                log.append(type(error).__name__)
            self.share += 1
        return log

    async def gather(self, count: int) -> int:
        for _ in range(count):
            self.points += await self.gifts.receive()
        return self.points


Step = Callable[[Driver], Envelope]
CALLS = [
    ("add", {"points": 5}), ("add", {"points": 1}), ("add", {"points": -3}), ("rise", {"name": "gold"}),
    ("shift", {"points": 3}), ("unshift", {}), ("keep", {"value": "text"}), ("keep", {"value": [1]}),
    ("post", {"points": 4}), ("post_or_not", {"points": 2}), ("nap", {"seconds": 5}), ("hurry", {"points": 2}),
    ("leave_behind", {"points": 1}), ("spawn", {}), ("take_gift", {}), ("gather", {"count": 2}), ("fail", {}),
    ("draw", {}), ("dice", {}), ("change", {}), ("in_line", {}), ("stay", {}), ("nothing", {}),
]  # fmt: skip


def a_call(which: tuple[str, dict[str, Any]], again: int | None) -> Step:
    method, arguments = which
    message_id = None if again is None else f"{method}{again}"
    return lambda driver: asks(driver, method, message_id, **arguments)


calls = st.builds(a_call, st.sampled_from(CALLS), st.one_of(st.none(), st.integers(0, 2)))
simple = st.builds(a_call, st.sampled_from(CALLS[:4]), st.none())
ends = st.builds(lambda index, ok: lambda d: end_of_some_task(d, index, ok), st.integers(0, 25), st.booleans())
gifts = st.builds(lambda n: lambda d: d.signal_envelope("gifts", n), st.integers(0, 9))
cancels = st.builds(lambda number: lambda d: d.envelope(Cancel(number=number)), st.integers(1, 9))
retries = st.just(lambda d: d.envelope(RetryTasks(statuses=("failed", "timed_out", "cancelled"))))
sends = st.one_of(simple, simple, calls, calls, calls, ends, ends, gifts)
batches = st.lists(sends, min_size=1, max_size=3)


def programs(*more: st.SearchStrategy[Step]) -> st.SearchStrategy[list[list[Step] | float]]:
    other = st.one_of(sends, *more)
    one = st.one_of(batches, batches, st.lists(other, min_size=1, max_size=2), st.floats(0.5, 8))
    return st.lists(one, max_size=30)


def drive(fold_after: int, steps: list[list[Step] | float], *, evict: bool = False) -> Driver:
    driver = Driver(Program, settings=EngineSettings(fold_after=fold_after), evict=evict)
    driver.start(goal=0)
    for step in steps:
        if isinstance(step, list):
            driver.turn(*(make(driver) for make in step))
        else:
            driver.advance(step)
    return driver


def outside(driver: Driver) -> tuple[object, ...]:
    """All that others get to see."""
    return driver.status, driver.state.outcome, driver.state.last_command, driver.posts, driver.revoked, driver.timers


def inside(driver: Driver) -> object:
    return None if driver.live is None else vars(driver.live.instance.subject)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(programs(cancels), st.integers(1, 3))
def test_an_instance_that_is_folded_is_the_one_that_is_not(steps: list[list[Step] | float], fold_after: int) -> None:
    plain, folded = drive(0, steps), drive(fold_after, steps)

    assert outside(plain) == outside(folded)
    assert inside(plain) == inside(folded)
    assert folded.status != "blocked"


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(programs(cancels, retries), st.integers(1, 3))
def test_R02_an_instance_that_is_folded_and_evicted_is_the_one_that_is_kept(
    steps: list[list[Step] | float], fold_after: int
) -> None:
    kept, evicted = drive(fold_after, steps), drive(fold_after, steps, evict=True)

    assert kept.store.journal == evicted.store.journal
    assert kept.store.state == evicted.store.state
    assert outside(kept) == outside(evicted)
    assert kept.status != "blocked"


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(turns, st.integers(1, 3))
def test_what_runs_in_a_main_method_is_the_same_with_folding(steps: list[Any], fold_after: int) -> None:
    plain = Driver(Chaos, settings=EngineSettings(fold_after=0))
    folded = Driver(Chaos, settings=EngineSettings(fold_after=fold_after), evict=True)

    drive_chaos(plain, steps)
    drive_chaos(folded, steps)

    assert outside(plain) == outside(folded)


def test_random_programs_are_folded_at_all() -> None:
    def add(driver: Driver) -> Envelope:
        return asks(driver, "add", points=1)

    driver = drive(2, [[add, add], [add], [add]])

    assert any(record.folded for record in driver.records)
