"""O · timeouts: of an attempt, of a contract, of a workflow."""

from __future__ import annotations

import asyncio
import threading

import pytest

from leveret import service, workflow
from leveret.errors import TaskTimedOut, WorkflowTimedOut
from leveret.retry import Retry
from tests.conformance.bench import Bench, SteeredBench
from tests.conformance.house import DEADLINE, House, pending

FOR_EVER = Retry(initial=0.01, maximum=0.01, attempts=0)


class Slow:
    """Takes its time in the first attempts."""

    def __init__(self) -> None:
        self.attempts: list[str] = []
        self.stopped: list[str] = []

    @service.task(retry=FOR_EVER)
    async def never(self) -> None:
        raise ConnectionError("never")

    @service.task(retry=Retry(initial=0.01, attempts=3), timeout=0.1)
    async def slow_once(self, word: str) -> str:
        self.attempts.append(word)
        if self.attempts.count(word) == 1:
            try:
                await asyncio.Event().wait()
            finally:
                self.stopped.append(word)
        return word

    @service.task(timeout=30)
    async def quick(self, word: str) -> str:
        return word

    @service.task(retry=Retry(initial=0.01, attempts=2), timeout=0.1)
    def in_thread(self, word: str) -> str:
        self.attempts.append(threading.current_thread().name)
        context = service.context()
        if context.attempt == 1:
            told = threading.Event()
            context.on_cancel(told.set)
            told.wait(DEADLINE)
            self.stopped.append("timed out" if context.timed_out else "not")
        return f"{word} {context.attempt}"


@workflow.define
class Limits:
    """One timeout a method."""

    brief = workflow.service(Bench, timeout=1)
    bench = workflow.service(Bench, timeout=60)
    slow = workflow.service(Slow)
    patient = workflow.service(Slow, timeout=60)
    hasty = workflow.service(Slow, timeout=0.5)
    go = workflow.Channel[str]()

    async def held(self) -> list[str]:
        try:
            await self.brief.hold("late")
        except TaskTimedOut as error:
            return [f"{error.where['service']}.{error.where['task']}", await self.bench.say("on")]
        return []

    async def held_in_time(self) -> str:
        return str(await workflow.task("Bench.hold", {"word": "early"}, timeout=4))

    async def retried_for_ever(self) -> str:
        try:
            await self.hasty.never()
        except TaskTimedOut as error:
            return str(error)
        return ""

    async def nobody(self) -> str:
        try:
            await workflow.task("Nobody.work", timeout=0.1)
        except TaskTimedOut:
            return "nobody there"
        return ""

    async def attempts(self) -> str:
        return await self.patient.slow_once("again")

    async def quick(self) -> str:
        return await self.patient.quick("quick")

    async def threaded(self) -> str:
        return await self.patient.in_thread("thread")

    async def receive(self) -> str:
        return await self.go.receive()

    async def cleans_up(self) -> str:
        try:
            return await self.go.receive()
        finally:
            await self.slow.quick("clean")


@workflow.define(timeout=0.1)
class Brief:
    go = workflow.Channel[str]()

    async def run(self) -> str:
        return await self.go.receive()


async def test_O01_a_contract_timeout_ends_the_task_and_the_workflow_may_go_on(house: House) -> None:
    bench = SteeredBench()
    await house.open(Limits, services=(bench,))

    assert await house.call(Limits, method="held") == ["Bench.hold", "on"]

    await bench.over("late")


async def test_O01_a_result_in_time_counts_though_the_node_was_down_until_after_the_timeout(house: House) -> None:
    bench = SteeredBench()
    await house.open(Limits)
    await house.reinforce(bench)
    handle = await house.start(Limits, method="held_in_time")
    [task] = pending(await house.waiting(handle, "task"), "task")
    await bench.begun("early")
    await house.stop()

    bench.let_go("early")
    await bench.over("early")
    await house.until(task["due"])
    await house.resume()

    assert await handle.result(DEADLINE) == "early"


async def test_O01_it_covers_all_retries_and_a_service_that_nobody_hosts(house: House) -> None:
    await house.open(Limits, services=(Slow(),))

    text = await house.call(Limits, method="retried_for_ever")

    assert "Slow.never" in text
    assert "timed out after 0.5 s" in text
    assert await house.call(Limits, method="nobody") == "nobody there"


async def test_O02_O04_an_attempt_over_its_timeout_is_stopped_and_followed_by_another(house: House) -> None:
    slow = Slow()
    await house.open(Limits, services=(slow,))

    assert await house.call(Limits, method="attempts") == "again"

    assert (slow.attempts, slow.stopped) == (["again", "again"], ["again"])


async def test_O03_a_workflow_timeout_reaches_the_caller_and_takes_everything_down(house: House) -> None:
    await house.open(Limits, Brief)
    by_start = await house.start(Limits, method="receive", timeout=0.1)
    by_definition = await house.start(Brief)

    for handle in (by_start, by_definition):
        with pytest.raises(WorkflowTimedOut, match=r"0\.1 s"):
            await handle.result(DEADLINE)
        assert (await house.describe(handle))["status"] == "timed_out"

    assert [await house.next_timer(cls) for cls in (Limits, Brief)] == [0, 0]


async def test_O03_a_workflow_over_its_timeout_may_clean_up(house: House) -> None:
    await house.open(Limits, services=(Slow(),))
    handle = await house.start(Limits, method="cleans_up", timeout=0.1)

    with pytest.raises(WorkflowTimedOut):
        await handle.result(DEADLINE)


async def test_O04_a_task_faster_than_all_its_timeouts_knows_nothing_of_them(house: House) -> None:
    await house.open(Limits, services=(Slow(),))

    assert await house.call(Limits, method="quick") == "quick"
    assert await house.next_timer(Limits) == 0


async def test_O05_a_function_in_a_thread_is_told_by_flag_and_callback(house: House) -> None:
    slow = Slow()
    await house.open(Limits, services=(slow,))

    assert await house.call(Limits, method="threaded") == "thread 2"

    assert slow.stopped == ["timed out"]
    assert threading.current_thread().name not in slow.attempts
