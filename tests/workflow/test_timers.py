"""M and O: durable timers and timeouts."""

import asyncio
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from leveret import service, workflow
from leveret.errors import ArgumentMismatch, TaskTimedOut
from leveret_broker.outcome import TimedOut
from tests.workflow.harness import START, Driver


@service.define(name="Slow")
class Slow:
    async def work(self) -> int:
        return 1


@workflow.define(name="Clock")
class Clock:
    slow = workflow.service(Slow, timeout=30)
    go = workflow.Channel[str]()

    async def for_days(self, days: float) -> None:
        await workflow.timer(days=days)

    async def wait(self, kind: str) -> None:
        at = datetime.fromtimestamp(START, UTC)
        wanted: dict[str, datetime | timedelta] = {
            "duration": timedelta(hours=1),
            "date": at + timedelta(hours=1),
            "past": at - timedelta(days=1),
        }
        await workflow.timer(wanted.get(kind, timedelta(seconds=-5)))

    async def race(self) -> str:
        won = await workflow.first(signal=self.go.receive(), timer=workflow.timer(days=2))
        return won.name

    async def sleep(self) -> float:
        before = workflow.now()
        await asyncio.sleep(90)
        return (workflow.now() - before).total_seconds()

    async def in_time(self) -> str:
        try:
            async with asyncio.timeout(60):
                return await self.go.receive()
        except TimeoutError:
            return "late"

    async def unused(self) -> str:
        async with asyncio.timeout(60):
            await asyncio.sleep(0)
        return await self.go.receive()

    async def contract(self) -> int:
        try:
            return await self.slow.work()
        except TaskTimedOut:
            return -1

    async def odd(self, kind: str) -> str:
        try:
            await asyncio.sleep(float(kind))
        except ValueError as error:
            return str(error)
        return "slept"

    async def labelled(self) -> str:
        try:
            await workflow.task("Slow.work", meta={"broken": "\ud800"})
        except ArgumentMismatch as error:
            return str(error)
        return "sent"

    async def cleanup(self) -> str:
        try:
            await self.go.receive()
        except asyncio.CancelledError:
            await workflow.timer(seconds=1)
            return "cleaned"
        return "signal"


def test_M01_duration_and_datetime_fire_at_their_time() -> None:
    for kind in ("duration", "date"):
        driver = Driver(Clock)
        driver.start(method="wait", kind=kind)

        assert driver.timers == [3600]
        driver.advance(3599)
        assert driver.status == "running"
        driver.advance(1)

        assert driver.status == "completed"


def test_M01_a_past_datetime_and_a_negative_duration_fire_at_once() -> None:
    for kind in ("past", "negative"):
        driver = Driver(Clock)
        driver.start(method="wait", kind=kind)

        driver.advance(0)

        assert driver.status == "completed"


def test_M02_the_timer_wins() -> None:
    driver = Driver(Clock)
    driver.start(method="race")

    driver.advance(2 * 86_400)

    assert driver.value == "timer"
    assert not driver.store.timers


def test_M02_the_signal_wins_and_the_timer_is_removed() -> None:
    driver = Driver(Clock)
    driver.start(method="race")
    assert driver.timers == [2 * 86_400]

    driver.signal("go", "now")

    assert driver.value == "signal"
    assert not driver.store.timers


def test_M03_a_timer_fires_once() -> None:
    driver = Driver(Clock)
    driver.start(method="race")
    (timer,) = driver.store.timers.values()

    driver.clock = timer.at + 100
    driver.turn(timers=[timer, timer])
    assert driver.value == "timer"
    again = driver.turn(timers=[timer])

    assert again.write is not None
    assert again.write.append == ()
    assert again.write.timers_removed == ((timer.run, timer.number),)


def test_M06_sleep_is_a_durable_timer() -> None:
    driver = Driver(Clock)
    driver.start(method="sleep")

    assert driver.timers == [90]
    driver.advance(90)

    assert driver.value == 90


def test_M06_timeout_fires_and_one_that_is_not_needed_is_removed() -> None:
    late, early = Driver(Clock), Driver(Clock)
    late.start(method="in_time")
    early.start(method="in_time")
    assert early.timers == [60]

    late.advance(60)
    early.signal("go", "on time")

    assert late.value == "late"
    assert early.value == "on time"
    assert not early.store.timers


def test_R03_a_timer_cancelled_in_its_turn_is_neither_set_nor_journalled() -> None:
    driver = Driver(Clock)

    turn = driver.start(method="unused")

    assert turn.write is not None
    assert not turn.write.timers
    assert [command.kind for command in driver.records[0].commands] == ["receive"]


def test_O01_a_contract_timeout_ends_the_task_and_revokes_it() -> None:
    driver = Driver(Clock)
    driver.start(method="contract")
    assert driver.tasks[0].deadline == START + 30

    driver.advance(30)

    assert driver.value == -1
    assert driver.revoked == [driver.tasks[0].task_id]
    assert driver.end(1, 5).write is None


def test_O04_a_result_in_time_removes_the_timeout() -> None:
    driver = Driver(Clock)
    driver.start(method="contract")

    driver.end(1, 5)

    assert driver.value == 5
    assert not driver.store.timers
    assert not driver.revoked


@pytest.mark.parametrize(
    ("sent", "value"), [(29.0, 5), (30.0, 5), (30.5, -1)], ids=["before", "at the moment", "after"]
)
def test_O01_after_an_outage_the_result_counts_that_was_sent_before_the_contract_timeout(
    sent: float, value: int
) -> None:
    driver = Driver(Clock)
    driver.start(method="contract")
    result = msgspec.structs.replace(driver.ended(1, 5), sent=START + sent)

    driver.clock += 3600
    driver.turn(result, timers=list(driver.store.timers.values()))

    assert driver.value == value
    assert not driver.store.timers


def test_O03_a_workflow_timeout_cancels_the_method_and_tells_the_caller() -> None:
    driver = Driver(Clock)
    driver.start(method="race", timeout=100.0)

    driver.advance(100)

    assert driver.status == "timed_out"
    assert isinstance(driver.answers[0], TimedOut)
    assert not driver.store.timers


def test_a_method_may_clean_up_after_its_workflow_timeout() -> None:
    driver = Driver(Clock)
    driver.start(method="cleanup", timeout=100.0)

    driver.advance(101)

    assert driver.value == "cleaned"


@pytest.mark.parametrize("length", [float("inf"), float("nan"), 1e300])
def test_M01_what_is_no_span_of_time_is_refused_by_name(length: float) -> None:
    driver = Driver(Clock)

    driver.start(method="for_days", days=length)

    assert "ArgumentMismatch: timer(): this is no span of time" in driver.state.reason


def test_what_a_store_or_a_broker_would_choke_on_fails_the_call_alone() -> None:
    never, none, labelled = Driver(Clock), Driver(Clock), Driver(Clock)

    never.start(method="odd", kind="inf")
    none.start(method="odd", kind="nan")
    labelled.start(method="labelled")

    assert never.timers == [253_402_300_799.0 - START]
    assert none.status == "completed"
    assert "meta" in labelled.value
    assert not labelled.tasks
