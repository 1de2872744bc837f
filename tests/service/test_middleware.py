"""S03 · what is around each attempt: interceptors with one details object, and the ids in log records."""

from __future__ import annotations

import asyncio
import threading
from contextvars import ContextVar
from typing import Any

import pytest
from loguru import logger

from leveret import service
from leveret.interceptors import TaskInterceptor, TaskRun
from leveret.retry import Retry
from tests.service.world import World

SPAN: ContextVar[str] = ContextVar("span", default="")


class Refused(Exception):
    pass


class Desk:
    """Fails once."""

    def __init__(self) -> None:
        self.spans: list[str] = []
        self.go = threading.Event()

    @service.task(retry=Retry(initial=0, attempts=2))
    async def write(self, word: str) -> str:
        return self._write(word)

    @service.task(retry=Retry(initial=0, attempts=2))
    def stamp(self, word: str) -> str:
        return self._write(word)

    @service.task(timeout=0.01)
    def slow(self) -> None:
        service.context().on_cancel(self.go.set)
        self.go.wait(10)

    @service.task(timeout=0.01)
    async def late(self) -> None:
        await asyncio.Event().wait()

    def _write(self, word: str) -> str:
        self.spans.append(SPAN.get())
        logger.info("writes")
        if service.context().attempt == 1:
            raise Refused(word)
        return word


class Meter(TaskInterceptor):
    """Counts and measures, as metrics do, and opens a span, as tracing does."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int, tuple[Any, ...], str]] = []
        self.durations: list[float] = []

    async def run_task(self, details: TaskRun, /) -> Any:
        clock = asyncio.get_running_loop().time
        begun, how = clock(), ""
        SPAN.set(f"span of {details.context.task_id}")
        try:
            result = await details.proceed()
            how = f"returned {result}"
            return result
        except BaseException as error:
            how = type(error).__name__
            raise
        finally:
            self.durations.append(clock() - begun)
            self.seen.append((details.context.task, details.context.attempt, details.args, how))


@pytest.mark.parametrize("task", ["write", "stamp"])
async def test_S03_an_interceptor_sees_arguments_attempt_result_and_what_is_raised(world: World, task: str) -> None:
    desk, meter = Desk(), Meter()
    await world.start(desk, interceptors=(meter,))

    sent = await world.send(f"Desk.{task}", {"word": "w"})

    assert await world.value() == "w"
    assert meter.seen == [(task, 1, ("w",), "Refused"), (task, 2, ("w",), "returned w")]
    assert min(meter.durations) >= 0
    assert desk.spans == [f"span of {sent.task_id}"] * 2


async def test_S03_what_an_interceptor_raises_fails_the_attempt_and_what_it_returns_is_the_result(world: World) -> None:
    class Judge(TaskInterceptor):
        async def run_task(self, details: TaskRun, /) -> Any:
            if details.context.attempt == 1:
                raise PermissionError
            return f"<{await details.proceed()}>"

    desk = Desk()
    await world.start(desk, interceptors=(Judge(),))

    await world.send("Desk.stamp", {"word": "w"})

    assert await world.value() == "<w>"
    assert len(desk.spans) == 1


async def test_S03_an_interceptor_sees_an_async_function_cancelled_and_waits_for_a_sync_one(world: World) -> None:
    meter = Meter()
    await world.start(Desk(), interceptors=(meter,))

    for task in ("late", "slow"):
        await world.send(f"Desk.{task}")
        assert (await world.failure()).type.endswith("AttemptTimedOut")

    assert [(task, how) for task, _, _, how in meter.seen] == [("late", "CancelledError"), ("slow", "returned None")]


@pytest.mark.parametrize("around", [(), (Meter(),)], ids=["bare", "intercepted"])
@pytest.mark.parametrize("task", ["write", "stamp"])
async def test_S03_log_records_of_a_task_carry_its_ids_in_threads_too(
    world: World, task: str, around: tuple[TaskInterceptor, ...]
) -> None:
    records: list[dict[str, Any]] = []
    sink = logger.add(lambda message: records.append(message.record["extra"]), filter=__name__)
    await world.start(Desk(), interceptors=around)

    sent = await world.send(f"Desk.{task}", {"word": "w"}, workflow="Flow", instance="i1", run="r1")
    await world.value()
    alone = await world.send(f"Desk.{task}", {"word": "w"})
    await world.value()
    logger.remove(sink)

    ids = {"service": "Desk", "task": task, "task_id": sent.task_id, "workflow": "Flow", "instance": "i1", "run": "r1"}
    lonely = {"service": "Desk", "task": task, "task_id": alone.task_id}
    assert records == [{**one, "attempt": attempt} for one in (ids, lonely) for attempt in (1, 2)]
