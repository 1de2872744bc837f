"""C10: a signal that a receiver had got, and that nobody saw, is there for others, in the order of acceptance."""

import asyncio
from typing import Any

import pytest

from leveret import events, workflow
from tests.workflow.harness import Driver


@workflow.define(name="Givers")
class Givers:
    numbers = workflow.Channel[int]()
    others = workflow.Channel[int]()
    now = workflow.Channel[int](buffered=False)

    async def another_count(self) -> Any:
        try:
            async with asyncio.timeout(5):
                return await self.numbers.receive(3)
        except TimeoutError:
            return [await self.numbers.receive(), await self.numbers.receive(2)]

    async def first(self) -> Any:
        try:
            async with asyncio.timeout(5):
                return await workflow.first(number=self.numbers.receive(), other=self.others.receive())
        except TimeoutError:
            return await self.numbers.receive()

    async def either(self) -> Any:
        try:
            async with asyncio.timeout(5):
                return await (self.numbers.receive() | self.others.receive())
        except TimeoutError:
            return await self.numbers.receive()

    async def both(self) -> Any:
        try:
            async with asyncio.timeout(5):
                return await (self.numbers.receive() & self.others.receive())
        except TimeoutError:
            return await self.numbers.receive()

    async def renewed(self, *, again: bool = False) -> Any:
        if again:
            return await self.numbers.receive()
        try:
            async with asyncio.timeout(5):
                return await self.numbers.receive()
        except TimeoutError:
            workflow.continue_as_new(again=True)

    async def who_waits(self) -> list[Any]:
        """Cancel the first of two receivers of the same channel."""
        got: list[Any] = []

        async def take(name: str) -> None:
            got.append([name, await self.numbers.receive()])

        tasks = [asyncio.create_task(take(name)) for name in "ab"]
        await self.others.receive()
        tasks[0].cancel()
        await asyncio.wait(tasks)
        return got

    async def in_order(self) -> list[int]:
        """Have two receivers give back one after the other."""
        tasks = [asyncio.create_task(self.take()) for _ in "ab"]
        await self.others.receive()
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        return await self.numbers.receive(3)

    async def take(self) -> int:
        return await self.numbers.receive()

    async def at_once(self) -> list[Any]:
        """Of what is not buffered, take what another receiver lost, in the same turn and in the next one."""
        task = asyncio.create_task(self.take_now())
        await self.others.receive()
        task.cancel()
        await asyncio.wait([task])
        got = [await self.now.receive()]
        task = asyncio.create_task(self.take_now())
        await self.others.receive()
        task.cancel()
        await workflow.timer(seconds=1)
        won = await workflow.first(now=self.now.receive(), late=workflow.timer(seconds=1))
        return [*got, won.name]

    async def take_now(self) -> int:
        return await self.now.receive()


@pytest.mark.parametrize("method", ["first", "either", "both", "renewed"])
def test_C10_a_signal_that_came_with_the_end_of_the_waiting_is_there_for_the_next_receiver(method: str) -> None:
    driver = Driver(Givers)
    driver.start(method=method)

    driver.clock += 6
    driver.turn(driver.signal_envelope("numbers", 7), timers=list(driver.store.timers.values()))

    assert driver.value == 7


def test_C09_C10_what_a_receiver_of_several_had_got_is_there_for_receivers_of_another_count() -> None:
    driver = Driver(Givers)
    driver.start(method="another_count")
    driver.signal("numbers", 1)
    driver.signal("numbers", 2)

    driver.clock += 6
    driver.turn(driver.signal_envelope("numbers", 3), timers=list(driver.store.timers.values()))

    assert driver.value == [1, [2, 3]]


def test_C10_a_signal_that_a_cancelled_receiver_had_got_goes_to_the_one_that_waits() -> None:
    driver = Driver(Givers)
    driver.start(method="who_waits")

    driver.turn(driver.signal_envelope("others", 0), driver.signal_envelope("numbers", 7))

    assert driver.value == [["b", 7]]


def test_C08_what_is_given_back_is_unread_in_the_order_of_acceptance() -> None:
    driver = Driver(Givers)
    driver.start(method="in_order")

    driver.turn(driver.signal_envelope("others", 0), *(driver.signal_envelope("numbers", n) for n in (1, 2, 3)))

    assert driver.value == [1, 2, 3]


def test_C04_what_is_given_back_to_a_channel_without_buffer_is_discarded_with_the_turn() -> None:
    driver = Driver(Givers, listens=True)
    driver.start(method="at_once")

    driver.turn(driver.signal_envelope("others", 0), driver.signal_envelope("now", 1))
    driver.turn(driver.signal_envelope("others", 0), driver.signal_envelope("now", 2, message_id="lost"))
    driver.advance(1)
    driver.advance(1)

    discarded = [event for event in driver.events if isinstance(event, events.SignalDiscarded)]
    assert driver.value == [1, "late"]
    assert [(event.channel, event.message_id) for event in discarded] == [("now", "lost")]
