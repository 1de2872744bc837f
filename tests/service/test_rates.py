"""Rates: how many attempts may begin in how much time, over all workers."""

from __future__ import annotations

import asyncio
import itertools
import time
from typing import Any

import pytest

from leveret import ConfigurationError, service
from leveret.rate import Rate
from leveret.retry import Retry
from leveret.service import Call, TaskId
from leveret_actors.service.throttle import STALE, Throttle
from leveret_actors.settings import ServiceSettings
from leveret_broker.address import ServiceQueue
from leveret_broker.errors import StoreUnavailable
from tests.service.world import World

SLOW = Rate(1, 3600, burst=5)
"""No token comes back while a test runs."""


class Gate:
    """Notes when its tasks begin."""

    def __init__(self) -> None:
        self.begun: list[float] = []

    async def enter(self) -> None:
        self.begun.append(time.monotonic())

    @service.task(retry=Retry(initial=0, attempts=20))
    async def fail(self) -> None:
        self.begun.append(time.monotonic())
        raise ValueError


class Other(Gate):
    pass


class Gathers:
    def __init__(self) -> None:
        self.batches = 0

    @service.batch(max=4, seconds=60)
    async def together(self, calls: dict[TaskId, Call[int]]) -> None:
        self.batches += 1


def limited(rate: Rate) -> ServiceSettings:
    return ServiceSettings(rate=rate)


def most_in_any_span(times: list[float], seconds: float) -> int:
    times = sorted(times)
    return max(sum(begin <= one < begin + seconds for one in times) for begin in times)


async def test_S08_workers_share_one_rate(world: World) -> None:
    gates = Gate(), Gate()
    for number, gate in enumerate(gates):
        await world.start(gate, name=f"w{number}", settings=limited(SLOW))

    for _ in range(12):
        await world.send("Gate.enter")
    for _ in range(5):
        await world.ended()
    await world.settle()

    assert len(gates[0].begun) + len(gates[1].begun) == 5
    await world.until(lambda: world.left("Gate") == 7)


async def test_S08_no_span_of_time_has_more_than_the_rate_and_a_burst_and_all_runs_in_the_end(world: World) -> None:
    gate = Gate()
    await world.start(gate, settings=limited(Rate(100, burst=5)))

    for _ in range(40):
        await world.send("Gate.enter")
    for _ in range(40):
        await world.ended()

    assert len(gate.begun) == 40
    assert most_in_any_span(gate.begun, 0.1) <= 10 + 5 + 1
    assert gate.begun[-1] - gate.begun[0] >= 35 / 100 - 0.03


async def test_S08_each_attempt_counts(world: World) -> None:
    gate = Gate()
    await world.start(gate, settings=limited(SLOW))

    await world.send("Gate.fail")
    await world.until(lambda: len(gate.begun) == 5)
    await world.settle()

    assert len(gate.begun) == 5


async def test_S08_a_batch_counts_once(world: World) -> None:
    gathers = Gathers()
    await world.start(gathers, settings=limited(Rate(1, 3600, burst=2)))

    for number in range(8):
        await world.send("Gathers.together", {"n": number})
    for _ in range(8):
        await world.ended()

    assert gathers.batches == 2


async def test_S08_a_service_that_waits_for_its_rate_holds_no_other_up(world: World) -> None:
    gate, other = Gate(), Other()
    await world.start(gate, settings=limited(Rate(1, 3600, burst=1)))
    await world.start(other, name="w2")

    for _ in range(20):
        await world.send("Gate.enter")
    for _ in range(20):
        await world.send("Other.enter")
    for _ in range(21):
        await world.ended()

    assert (len(gate.begun), len(other.begun)) == (1, 20)


async def test_S08_what_waits_for_a_slow_rate_stays_in_the_queue(memory_world: World) -> None:
    world = memory_world
    await world.start(Gate(), concurrency=32, settings=limited(Rate(1, 3600, burst=1)))

    for _ in range(20):
        await world.send("Gate.enter")
    await world.ended()
    await world.settle()

    (consumer,) = world.memory.queue("t", ServiceQueue("Gate")).consumers
    assert len(consumer._unacknowledged) <= 2


@pytest.mark.parametrize("error", [StoreUnavailable("away"), RuntimeError("a bug")], ids=["away", "a bug"])
async def test_S08_nothing_begins_while_the_store_does_not_count_and_it_is_asked_again_with_pauses(
    memory_world: World, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    world, gate = memory_world, Gate()
    monkeypatch.setattr("leveret_actors.service.throttle.AWAY", pause := 0.01)
    asked: list[float] = []

    def fault(name: str, after: bool) -> None:
        if name == "draw":
            asked.append(time.monotonic())
            raise error

    world.room.fault = fault
    await world.start(gate, settings=limited(SLOW))
    await world.send("Gate.enter")
    await world.until(lambda: len(asked) >= 3)
    begun_before = len(gate.begun)
    world.room.fault = None
    await world.ended()

    assert begun_before == 0
    assert len(gate.begun) == 1
    assert all(later - earlier >= 0.9 * pause for earlier, later in itertools.pairwise(asked))


async def test_S08_tokens_for_tasks_that_wait_are_drawn_together(memory_world: World) -> None:
    world, draws = memory_world, list[str]()
    world.room.fault = lambda name, after: draws.append(name) if name == "draw" and not after else None
    gate = Gate()
    for _ in range(32):
        await world.send("Gate.enter")

    await world.start(gate, concurrency=32, settings=limited(Rate(10_000)))
    for _ in range(32):
        await world.ended()

    assert len(draws) <= 3


async def test_S08_a_token_that_nobody_used_for_a_while_is_thrown_away(memory_world: World) -> None:
    throttle = Throttle(memory_world.store, "Gate", Rate(1, 3600, burst=3), lambda: None)

    async def drawn() -> None:
        while throttle._drawing is not None:
            await asyncio.sleep(0)

    assert not throttle.lets_begin(2)
    await drawn()
    assert throttle.lets_begin(1)
    throttle._drawn_at -= STALE + 0.5
    assert not throttle.lets_begin(1)
    throttle.close()


@pytest.mark.parametrize(
    "rate", [lambda: Rate(0), lambda: Rate(1, 0), lambda: Rate(1, 1, -1), lambda: Rate(float("inf"))]
)
def test_a_rate_that_cannot_be_is_refused(rate: Any) -> None:
    with pytest.raises(ConfigurationError, match="count and per must be"):
        rate()


def test_a_number_is_a_rate_per_second_with_a_tenth_of_it_at_once() -> None:
    @service.define(rate=100)
    class Fast:
        async def go(self) -> None: ...

    definition = service.definition_of(Fast)

    assert definition.rate == Rate(100)
    assert (Rate(100).per_second, Rate(100).most, Rate(1, 60).most, Rate(6, 60).per_second) == (100, 10, 1, 0.1)
