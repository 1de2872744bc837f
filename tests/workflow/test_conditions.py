"""P05: waiting for what other methods bring about."""

import asyncio
from typing import Any

from leveret import service, workflow
from leveret_broker.envelope import Call
from leveret_broker.outcome import Completed, Failed
from tests.workflow.harness import CODEC, Driver


@service.define(name="Bell")
class Bell:
    async def ring(self) -> None: ...


@workflow.define(name="Points")
class Points:
    bell = workflow.service(Bell)
    gifts = workflow.Channel[int]()

    def __init__(self) -> None:
        self.points = 0
        self.seen: list[str] = []

    async def run(self, least: int) -> int:
        await workflow.wait_for(lambda: self.points > least)
        return self.points

    async def add(self, points: int) -> None:
        self.points += points

    async def collect(self) -> None:
        async for points in self.gifts:
            self.points += points

    async def in_time(self) -> str:
        try:
            async with asyncio.timeout(60):
                await workflow.wait_for(lambda: self.points > 10)
        except TimeoutError:
            return "late"
        return "in time"

    async def first(self) -> str:
        many = workflow.wait_for(lambda: self.points > 10)
        won = await workflow.first(many=many, gift=self.gifts.receive())
        if won.name == "gift":
            await many
        return f"{won.name} {many.status}"

    async def broken(self) -> None:
        await workflow.wait_for(lambda: 1 // self.points > 10)

    async def rings(self) -> None:
        await workflow.wait_for(lambda: self.points and workflow.dispatch(self.bell.ring))

    async def three(self) -> list[str]:
        async def take(name: str) -> None:
            await workflow.wait_for(lambda: self.points > 0)
            self.points -= 1
            self.seen.append(name)

        await asyncio.gather(*(take(name) for name in "abc"))
        return self.seen

    async def pair(self) -> str:
        ping = asyncio.create_task(self.ping())
        await workflow.wait_for(lambda: len(self.seen) == 1)
        self.points = 2
        await ping
        return ",".join(self.seen)

    async def ping(self) -> None:
        await workflow.wait_for(lambda: self.points == 1)
        self.seen.append("ping")
        await workflow.wait_for(lambda: self.points == 2)
        self.seen.append("pong")


def add(driver: Driver, points: int) -> None:
    driver.send(Call("add", CODEC.dump({"points": points})))


def run(method: str, **arguments: Any) -> Driver:
    driver = Driver(Points)
    driver.start(method=method, **arguments)
    return driver


def test_P05_a_method_that_updates_a_property_resumes_who_waits_for_it() -> None:
    driver = run("run", least=10)

    add(driver, 10)
    status = driver.status
    add(driver, 1)

    assert status == "running"
    assert (driver.status, driver.value) == ("completed", 11)
    assert all(not record.commands for record in driver.records)


def test_P05_a_condition_that_holds_already_does_not_wait() -> None:
    driver = run("run", least=-1)

    assert driver.value == 0


def test_P05_a_signal_that_a_method_takes_resumes_as_well() -> None:
    driver = run("run", least=3)
    driver.send(Call("collect", CODEC.dump({})))

    driver.signal("gifts", 2)
    driver.signal("gifts", 2)

    assert driver.answers == [Completed(CODEC.dump(4))]


def test_P05_waiting_for_a_condition_times_out_and_can_be_cancelled() -> None:
    late, early, cancelled = run("in_time"), run("in_time"), run("run", least=1)

    late.advance(60)
    add(early, 11)
    cancelled.cancel()

    assert (late.value, early.value, early.timers) == ("late", "in time", [])
    assert cancelled.status == "cancelled"


def test_P05_a_condition_takes_part_in_first_and_can_be_awaited_again() -> None:
    many, gift = run("first"), run("first")

    add(many, 11)
    gift.signal("gifts", 1)
    add(gift, 11)

    assert (many.value, gift.value) == ("many completed", "gift completed")


def test_P05_a_condition_that_raises_fails_its_waiter() -> None:
    driver = run("broken")

    assert driver.status == "failed"
    assert "ZeroDivisionError" in driver.state.reason


def test_P05_a_condition_must_not_ask_for_commands() -> None:
    driver = run("rings")
    add(driver, 1)

    [outcome] = driver.answers
    assert isinstance(outcome, Failed)
    assert "must only read: it cannot run a task" in outcome.failure.message
    assert driver.tasks == []


def test_P05_each_waiter_finds_its_condition_true() -> None:
    driver = run("three")

    add(driver, 2)
    status = driver.status
    add(driver, 1)

    assert status == "running"
    assert driver.value == ["a", "b", "c"]


def test_P05_conditions_are_looked_at_until_nothing_changes() -> None:
    driver = run("pair")

    add(driver, 1)

    assert driver.value == "ping,pong"
