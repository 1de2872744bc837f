"""M · durable timers."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from leveret import workflow
from tests.conformance.bench import Bench, SteeredBench
from tests.conformance.house import DEADLINE, House, pending

SECONDS: Final = 10.0
"""That what is due now may take, ten thousand timers too, on a machine that does other things as well."""


@workflow.define
class Clock:
    """One way to wait a method."""

    bench = workflow.service(Bench)
    go = workflow.Channel[str]()

    async def durations(self) -> list[bool]:
        start = workflow.now()
        found: list[bool] = []
        await workflow.timer(timedelta(milliseconds=50))
        found.append(workflow.now() - start >= timedelta(milliseconds=50))
        await workflow.timer(workflow.now() + timedelta(milliseconds=50))
        found.append(workflow.now() - start >= timedelta(milliseconds=100))
        return found

    async def past(self) -> float:
        start = workflow.now()
        await workflow.timer(datetime(2020, 1, 1, tzinfo=UTC))
        await workflow.timer(timedelta(days=-1))
        await workflow.timer(-5)
        return (workflow.now() - start).total_seconds()

    async def race(self, seconds: float) -> str:
        won = await workflow.first(signal=self.go.receive(), timer=workflow.timer(seconds))
        if won.name == "signal":
            await self.go.receive()
        return won.name

    async def later(self, seconds: float) -> str:
        before = workflow.now()
        await workflow.timer(seconds)
        await self.bench.say("fired")
        return "fired" if (workflow.now() - before).total_seconds() >= seconds else "early"

    async def many(self, at: datetime, count: int) -> int:
        return len(await workflow.all_of([workflow.timer(at) for _ in range(count)]))

    async def sleeps(self) -> str:
        await asyncio.sleep(0.05)
        async with asyncio.timeout(3600):
            await self.bench.say("in time")
        nap = asyncio.create_task(asyncio.sleep(3600))
        await self.bench.say("napping")
        nap.cancel()
        return await self.go.receive()

    async def times_out(self) -> str:
        try:
            async with asyncio.timeout(0.05):
                return await self.go.receive()
        except TimeoutError:
            return "late"


async def test_M01_a_duration_and_a_datetime_fire_not_before_their_time(house: House) -> None:
    await house.open(Clock)

    assert await house.call(Clock, method="durations") == [True, True]


async def test_M01_a_past_datetime_and_a_negative_duration_fire_at_once(house: House) -> None:
    await house.open(Clock)

    assert await house.call(Clock, method="past") < SECONDS


async def test_M02_the_timer_wins(house: House) -> None:
    await house.open(Clock)

    assert await house.call(Clock, 0.05, method="race") == "timer"


async def test_M02_the_signal_wins_and_the_durable_timer_is_removed(house: House) -> None:
    await house.open(Clock)
    handle = await house.start(Clock, 3600.0, method="race", id="c")
    (timer,) = pending(await house.waiting(handle, "timer"), "timer")
    assert await house.next_timer(Clock) == pytest.approx(timer["due"])

    await house.client.get(Clock, id="c").go.send("now")
    await house.waiting(handle, "timer", 0)

    assert await house.next_timer(Clock) == 0
    await house.client.get(Clock, id="c").go.send("end")
    assert await handle.result(DEADLINE) == "signal"


async def test_M03_a_timer_fires_once_over_a_restart_at_its_time(house: House) -> None:
    bench = SteeredBench()
    await house.open(Clock, services=(bench,))
    handle = await house.start(Clock, 0.3, method="later")
    await house.waiting(handle, "timer")

    await house.restart()

    assert await handle.result(DEADLINE) == "fired"
    assert bench.calls == ["fired"]
    assert await house.next_timer(Clock) == 0


async def test_M03_a_timer_whose_time_passed_while_everything_was_down_fires_once(house: House) -> None:
    bench = SteeredBench()
    await house.open(Clock, services=(bench,))
    handle = await house.start(Clock, 0.4, method="later")
    (timer,) = pending(await house.waiting(handle, "timer"), "timer")
    await house.stop()
    await house.until(timer["due"])

    await house.resume()

    assert await handle.result(DEADLINE) == "fired"
    assert bench.calls == ["fired"]


async def test_M05_ten_thousand_timers_due_in_the_same_second_all_fire(house: House) -> None:
    await house.open(Clock)
    at = datetime.now(UTC) + timedelta(seconds=1)

    handles = [await house.start(Clock, at, 500, method="many") for _ in range(20)]

    assert [await handle.result(DEADLINE) for handle in handles] == [500] * 20
    assert (datetime.now(UTC) - at).total_seconds() < SECONDS
    assert await house.next_timer(Clock) == 0


async def test_M06_sleep_and_timeout_are_durable_and_cancelled_ones_leave_the_store(house: House) -> None:
    await house.open(Clock, services=(SteeredBench(),))
    handle = await house.start(Clock, method="sleeps", id="c")

    row = await house.described(handle, lambda row: [command["kind"] for command in row["pending"]] == ["receive"])

    assert await house.next_timer(Clock) == 0
    await house.client.get(Clock, id="c").go.send(row["status"])
    assert await handle.result(DEADLINE) == "running"


async def test_M06_a_timeout_fires_after_a_restart(house: House) -> None:
    await house.open(Clock)
    handle = await house.start(Clock, method="times_out")

    await house.restart()

    assert await handle.result(DEADLINE) == "late"
