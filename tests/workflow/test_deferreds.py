"""D: deferreds, and stock asyncio on the workflow's loop."""

import asyncio
from asyncio import wait_for
from typing import Any

import pytest

from leveret import service, workflow
from leveret.errors import TaskFailed
from tests.workflow.harness import Driver


@service.define(name="Works")
class Works:
    async def work(self, n: int) -> int:
        return n


@workflow.define(name="Parallel")
class Parallel:
    works = workflow.service(Works)
    go = workflow.Channel[int]()

    async def many(self, n: int) -> list[int]:
        return await workflow.all_of([workflow.dispatch(self.works.work, i) for i in range(n)])

    async def twice(self) -> list[int]:
        deferred = workflow.dispatch(self.works.work, 1)
        return [await deferred, await deferred]

    async def crossed(self) -> list[int]:
        a, b = (workflow.dispatch(self.works.work, i) for i in range(2))
        return [await b, await a]

    async def either(self) -> int:
        return await (workflow.dispatch(self.works.work, 0) | workflow.dispatch(self.works.work, 1))

    async def both(self) -> tuple[int, int]:
        return await (workflow.dispatch(self.works.work, 0) & workflow.dispatch(self.works.work, 1))

    async def nested(self) -> Any:
        a, b, c = (workflow.dispatch(self.works.work, i) for i in range(3))
        return await (a & (b | c))

    async def statuses(self) -> list[str]:
        deferred = workflow.dispatch(self.works.work, 1)
        seen = [deferred.status]
        with pytest.raises(TaskFailed):
            await deferred
        return [*seen, deferred.status]

    async def forgotten(self) -> str:
        workflow.dispatch(self.works.work, 1)
        return "done"

    async def unawaited(self) -> str:
        self.works.work(1)  # type: ignore[unused-coroutine]
        return "done"

    async def wrapped(self) -> str:
        task = asyncio.create_task(self.works.work(1))
        del task
        return "done"

    async def gather(self) -> list[int]:
        return list(await asyncio.gather(*(self.works.work(i) for i in range(5))))

    async def wait(self) -> list[int]:
        tasks = [asyncio.create_task(self.works.work(i)) for i in range(40)]
        done, _ = await asyncio.wait(tasks)
        return [task.result() for task in done]

    async def group(self) -> list[str]:
        log: list[str] = []

        async def child(n: int) -> None:
            try:
                await self.works.work(n)
            except asyncio.CancelledError:
                log.append(f"cancelled {n}")
                raise

        try:
            async with asyncio.TaskGroup() as group:
                for n in range(20):
                    group.create_task(child(n))
        except* TaskFailed:
            log.append("failed")
        return log

    async def two_in_time(self) -> list[int]:
        return await asyncio.gather(*(asyncio.wait_for(self.works.work(n), 10) for n in (1, 2)))

    async def two_in_time_by_name(self) -> list[int]:
        return await asyncio.gather(*(wait_for(self.works.work(n), 10) for n in (1, 2)))

    async def wait_for(self) -> str:
        try:
            await asyncio.wait_for(self.works.work(1), 10)
        except TimeoutError:
            return "timeout"
        return "done"

    async def shielded(self) -> str:
        deferred = workflow.dispatch(self.works.work, 1)
        try:
            async with asyncio.timeout(10):
                await asyncio.shield(asyncio.ensure_future(deferred))
        except TimeoutError:
            return f"late {await deferred}"
        return "done"

    async def locked(self) -> list[int]:
        lock, event, queue = asyncio.Lock(), asyncio.Event(), asyncio.Queue[int]()

        async def child(n: int) -> None:
            async with lock:
                await queue.put(await self.works.work(n))
            if n == 2:
                event.set()

        tasks = [asyncio.create_task(child(n)) for n in range(3)]
        await event.wait()
        await asyncio.gather(*tasks)
        return [queue.get_nowait() for _ in range(3)]

    async def completed(self) -> list[int]:
        return [await next_one for next_one in asyncio.as_completed([self.works.work(i) for i in range(3)])]

    async def completed_tasks(self) -> list[int]:
        tasks = [asyncio.create_task(self.works.work(i)) for i in range(3)]
        return [await next_one for next_one in asyncio.as_completed(tasks)]

    async def executor(self) -> str:
        try:
            await asyncio.to_thread(print)
        except NotImplementedError as error:
            return str(error)
        return "ran"

    async def socket(self) -> str:
        try:
            await asyncio.open_connection("localhost", 1)
        except NotImplementedError as error:
            return str(error)
        return "ran"


def run(method: str, *ends: int | tuple[int, Any], **arguments: Any) -> Driver:
    """Start, then end tasks by number: with ten times the number, or what stands beside it."""
    driver = Driver(Parallel)
    driver.start(method=method, **arguments)
    for end in ends:
        number, value = end if isinstance(end, tuple) else (end, 10 * end)
        driver.end(number, value)
    return driver


def test_W11_two_hundred_tasks_give_their_results_in_order_of_dispatch() -> None:
    driver = Driver(Parallel)
    driver.start(method="many", n=200)
    assert len(driver.tasks) == 200

    for start in range(200, 0, -50):
        driver.turn(*(driver.ended(number, number) for number in range(start, start - 50, -1)))

    assert driver.value == list(range(1, 201))


def test_D01_a_deferred_may_be_awaited_twice() -> None:
    assert run("twice", 1).value == [10, 10]


def test_D02_results_may_come_in_another_order() -> None:
    assert run("crossed", 1, 2).value == [20, 10]
    assert run("crossed", 2, 1).value == [20, 10]


def test_D03_either_completes_with_the_first_and_fails_with_the_last() -> None:
    assert run("either", 2).value == 20
    assert run("either", (2, ValueError("x")), 1).value == 10
    failed = run("either", (2, ValueError("x")), (1, KeyError("y")))
    assert failed.status == "failed"
    assert "KeyError" in failed.state.reason


def test_D04_both_give_a_tuple_and_fail_with_the_first() -> None:
    assert run("both", 2, 1).value == [10, 20]
    assert run("both", (2, ValueError("x"))).status == "failed"


def test_D05_combinations_nest() -> None:
    assert run("nested", 3, 1).value == [10, 30]


def test_D07_the_status_changes_as_the_task_does() -> None:
    assert run("statuses", (1, ValueError("x"))).value == ["ongoing", "failed"]


def test_D09_a_dispatched_task_goes_on_though_nobody_awaits_it() -> None:
    driver = run("forgotten")

    assert driver.value == "done"
    assert driver.task_names == ["work"]
    assert not driver.revoked


def test_a_stub_call_that_nobody_awaits_fails_its_method_by_name() -> None:
    driver = run("unawaited")

    assert driver.status == "failed"
    assert "Works.work" in driver.state.reason
    assert not driver.tasks


def test_a_stub_call_wrapped_in_a_task_counts_as_sent() -> None:
    driver = run("wrapped")

    assert driver.value == "done"
    assert driver.task_names == ["work"]


def test_D06_gather() -> None:
    assert run("gather", 5, 3, 1, 2, 4).value == [10, 20, 30, 40, 50]


def test_D06_wait_returns_in_order_of_creation() -> None:
    driver = Driver(Parallel)
    driver.start(method="wait")
    driver.turn(*(driver.ended(number, number) for number in range(40, 0, -1)))

    assert sorted(driver.value) == list(range(1, 41))
    assert driver.value == run("wait", *((n, n) for n in range(1, 41))).value


def test_D06_a_task_group_aborts_in_order_of_creation() -> None:
    driver = run("group", (7, ValueError("x")))

    assert driver.value == [*(f"cancelled {n}" for n in range(20) if n != 6), "failed"]
    assert len(driver.revoked) == 19


def test_D06_wait_for_times_out_and_withdraws_the_task() -> None:
    driver = run("wait_for")
    driver.advance(10)

    assert driver.value == "timeout"
    assert driver.revoked == [driver.tasks[0].task_id]
    assert run("wait_for", 2).value == "done"


@pytest.mark.parametrize("method", ["two_in_time", "two_in_time_by_name"])
def test_D06_two_wait_for_side_by_side_ask_in_the_same_order_on_every_python(method: str) -> None:
    driver = Driver(Parallel)
    driver.start(method=method)

    assert [command.kind for command in driver.records[0].commands] == ["timer", "task", "timer", "task"]


def test_D06_shield_keeps_the_task() -> None:
    driver = run("shielded")
    driver.advance(10)
    driver.end(1, 5)

    assert driver.value == "late 5"
    assert not driver.revoked


def test_D06_locks_events_and_queues() -> None:
    assert run("locked", 1, 2, 3).value == [10, 20, 30]


def test_D06_as_completed_takes_tasks_but_no_bare_coroutines() -> None:
    assert "as_completed" in run("completed").state.reason
    assert run("completed_tasks", 2, 3, 1).value == [20, 30, 10]


def test_what_reaches_outside_is_refused_with_advice() -> None:
    assert "service" in run("executor").value
    assert "service" in run("socket").value


@workflow.define(name="Hides")
class Hides:
    async def run(self) -> dict[str, object]:
        return {"inside": [workflow.wait_for(lambda: True)]}


def test_D08_a_deferred_cannot_be_encoded_wherever_it_hides() -> None:
    driver = Driver(Hides)
    driver.start()

    assert driver.status == "failed"
    assert "is a deferred, which has no meaning elsewhere: await it first" in driver.state.reason
