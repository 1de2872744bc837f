"""R · replay and determinism. That every journal repeats is proven at the end of every conformance test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from loguru import logger

from leveret import workflow
from leveret_actors.testing import ReplayMismatch, replay
from leveret_actors.workflow import journal
from tests.conformance.bench import Bench, SteeredBench
from tests.conformance.house import DEADLINE, House


@workflow.define
class Chance:
    """Draws before and after a wait."""

    bench = workflow.service(Bench)
    go = workflow.Channel[str]()

    async def run(self) -> list[Any]:
        drawn = self.draw()
        await self.go.receive()
        return [*drawn, *self.draw()]

    def draw(self) -> list[Any]:
        inline = workflow.inline(lambda: os.urandom(8).hex())
        return [workflow.now(), workflow.uuid(), workflow.random().random(), inline]


async def test_R01_time_chance_and_inline_are_the_same_on_replay_and_differ_between_instances(house: House) -> None:
    await house.open(Chance)
    handles = [await house.start(Chance, id=name) for name in "ab"]
    for handle in handles:
        await house.waiting(handle, "receive")
    await house.restart()

    for handle in handles:
        await house.client.get(Chance, id=handle.id).go.send("on")
    a, b = [await handle.result(DEADLINE) for handle in handles]

    values = [*a[1:4], *a[5:], *b[1:4], *b[5:]]
    assert len({str(value) for value in values}) == len(values)
    assert a[0] < a[4]


@workflow.define
class Program:
    """A bit of everything, one step a signal."""

    bench = workflow.service(Bench)
    go = workflow.Channel[str]()

    def __init__(self) -> None:
        self.words: list[str] = []

    async def run(self) -> list[str]:
        held = workflow.dispatch(self.bench.hold, "held")
        self.words.append(await self.go.receive())
        won = await workflow.first(word=self.go.receive(), late=workflow.timer(hours=1))
        self.words.append(won.value)
        self.words.append(workflow.inline(lambda: "inline"))
        async for word in self.go:
            if word == "end":
                break
            self.words.append(await self.bench.say(word + str(workflow.random().randrange(1))))
        return [*self.words, await held]


async def program(house: House, bench: SteeredBench, instance: str) -> list[object]:
    """Run the program step by step; return what its journal says, times and ids aside."""
    handle = await house.start(Program, id=instance)
    for number, word in enumerate(("a", "b", "c", "end")):
        await house.described(handle, lambda row, number=number: heard(row, number))  # type: ignore[misc]
        await house.client.get(Program, id=instance).go.send(word)
    await house.waiting(handle, "receive", 0)
    bench.let_go("held")
    assert await handle.result(DEADLINE) == ["a", "b", "inline", "c0", "held"]
    turns = [journal.decode(record) for record in await house.journal(handle)]
    steps: list[object] = [(c.kind, c.number, c.name, c.value) for turn in turns for c in turn.commands]
    return [*steps, turns[-1].completion]


def heard(row: dict[str, Any], number: int) -> bool:
    """Tell whether the program waits for its next signal, having had so many."""
    receivers = [command for command in row["pending"] if command["kind"] == "receive"]
    return bool(receivers) and receivers[0]["number"] > number + 1


async def test_R02_an_actor_evicted_after_every_turn_has_the_journal_of_one_never_evicted(house: House) -> None:
    bench, other = SteeredBench(), SteeredBench()
    await house.open(Program, services=(bench,))
    cached = await program(house, bench, "cached")
    await house.stop()

    await house.open(Program, services=(other,), evict=True)
    evicted = await program(house, other, "evicted")

    assert evicted == cached


@workflow.define
class Hesitates:
    bench = workflow.service(Bench)

    async def run(self) -> str:
        gone = workflow.dispatch(self.bench.say, "gone")
        gone.cancel()
        timer = workflow.timer(hours=1)
        timer.cancel()
        return f"{await self.bench.say('stays')} {gone.status} {timer.status}"


async def test_R03_what_is_cancelled_in_its_own_turn_is_neither_sent_nor_journalled(house: House) -> None:
    bench = SteeredBench()
    await house.open(Hesitates, services=(bench,))
    handle = await house.start(Hesitates)

    assert await handle.result(DEADLINE) == "stays cancelled cancelled"

    commands = [command for record in await house.journal(handle) for command in journal.decode(record).commands]
    assert [(command.kind, command.number) for command in commands] == [("task", 3)]
    assert bench.calls == ["stays"]


@workflow.define
class Talks:
    go = workflow.Channel[str]()

    async def run(self) -> None:
        for number in range(3):
            workflow.log.info("step {}", number)
            await self.go.receive()
        workflow.log.bind(last=True).info("done")


def found_by(found: list[Any]) -> Any:
    """Return a sink that keeps records."""
    return lambda message: found.append(message.record)


@pytest.fixture
def records() -> Iterator[list[Any]]:
    """What is logged by workflow code of this module."""
    found: list[Any] = []
    sink = logger.add(
        found_by(found),
        filter=lambda record: record["name"] == __name__,
        level="INFO",
    )
    yield found
    logger.remove(sink)


async def test_R08_log_records_are_written_once_and_carry_ids(house: House, records: list[Any]) -> None:
    await house.open(Talks, evict=True)
    handle = await house.start(Talks, id="t")
    for number in range(3):
        await house.described(handle, lambda row, number=number: row["signals"] == {} and len(records) > number)  # type: ignore[misc]
        await house.restart()
        await house.client.get(Talks, id="t").go.send("on")

    await handle.result(DEADLINE)
    await house.replay()

    assert [record["message"] for record in records] == ["step 0", "step 1", "step 2", "done"]
    assert {record["extra"]["instance"] for record in records} == {"t"}
    assert {record["extra"]["workflow"] for record in records} == {"Talks"}
    assert records[-1]["extra"]["last"] is True


class Parcel(msgspec.Struct):
    weight: int


class FragileParcel(msgspec.Struct):
    weight: int
    fragile: bool = False


class Carrier:
    async def carry(self, parcel: Parcel) -> int:
        return parcel.weight


def before(check: str) -> type[Any]:
    @workflow.define(name=f"Shipping-{check}", check=check)
    class Shipping:
        go = workflow.Channel[str]()

        async def run(self, parcel: Parcel) -> int:
            first = await workflow.task("Carrier.carry", {"parcel": parcel})
            await self.go.receive()
            return int(first)

    return Shipping


def after(check: str) -> type[Any]:
    @workflow.define(name=f"Shipping-{check}", check=check)
    class Shipping:
        go = workflow.Channel[str]()

        async def run(self, parcel: FragileParcel) -> int:
            first = await workflow.task("Carrier.carry", {"parcel": parcel})
            await self.go.receive()
            return int(first)

    return Shipping


BEFORE = {check: before(check) for check in ("names", "strict")}
AFTER = {check: after(check) for check in ("names", "strict")}


async def test_R09_a_field_with_a_default_may_be_added_to_an_arguments_type(house: House) -> None:
    await house.open(BEFORE["names"], services=(Carrier(),))
    handle = await house.start(BEFORE["names"], Parcel(3), id="s")
    await house.waiting(handle, "receive")
    await house.stop()

    await house.open(AFTER["names"], services=(Carrier(),))
    await house.client.get("Shipping-names", id="s").signal("go", "on")

    assert await handle.result(DEADLINE) == 3
    house.remember(AFTER["names"], handle)


async def test_R09_with_a_strict_check_the_difference_is_reported(house: House) -> None:
    await house.open(BEFORE["strict"], services=(Carrier(),))
    handle = await house.start(BEFORE["strict"], Parcel(3), id="s")
    await house.waiting(handle, "receive")
    records = await house.journal(handle)
    await house.stop()

    await house.open(AFTER["strict"], services=(Carrier(),))
    await house.client.get("Shipping-strict", id="s").signal("go", "on")
    row = await house.status(handle, "blocked")

    assert "task 'Carrier.carry' (number 1), perhaps with other arguments" in row["reason"]
    with pytest.raises(ReplayMismatch, match="other arguments"):
        replay(AFTER["strict"], records)
