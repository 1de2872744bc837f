"""Failures of tasks that nobody awaits, and of callbacks: in the log, once, with the ids of their instance."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from loguru import logger

from leveret import workflow
from tests.workflow.harness import Driver


@pytest.fixture
def heard() -> Iterator[list[Any]]:
    records: list[Any] = []
    logger.enable("leveret_actors")
    sink = logger.add(lambda message: records.append(message.record), level="ERROR")
    yield records
    logger.remove(sink)


async def explode(text: str) -> None:
    await asyncio.sleep(1)
    raise RuntimeError(text)


@workflow.define(name="Forgets")
class Forgets:
    async def run(self) -> str:
        asyncio.create_task(explode("forgotten"))  # noqa: RUF006 - the mistake that is tested
        await workflow.timer(timedelta(seconds=5))
        await workflow.timer(timedelta(seconds=5))
        return "done"


@workflow.define(name="Holds")
class Holds:
    async def run(self) -> str:
        self.task = asyncio.create_task(explode("held"))
        await workflow.timer(timedelta(seconds=5))
        await workflow.timer(timedelta(seconds=5))
        return "done"


@workflow.define(name="Asks")
class Asks:
    async def run(self) -> str:
        task = asyncio.create_task(explode("asked for"))
        await workflow.timer(timedelta(seconds=5))
        try:
            await task
        except RuntimeError as error:
            return str(error)
        return ""


@workflow.define(name="Careless")
class Careless:
    async def run(self) -> str:
        def callback(*_: object) -> None:
            raise RuntimeError("in a callback")

        task = asyncio.create_task(asyncio.sleep(0))
        task.add_done_callback(callback)
        await asyncio.sleep(5)
        asyncio.get_running_loop().call_soon(callback)
        await asyncio.sleep(5)
        return "done"


def errors(records: list[Any]) -> list[str]:
    return [str(record["exception"].value) for record in records]


@pytest.mark.parametrize("evict", [False, True])
def test_a_failed_task_that_nothing_refers_to_is_logged_once_with_ids_and_traceback(
    heard: list[Any], *, evict: bool
) -> None:
    driver = Driver(Forgets, evict=evict, cold=False)

    driver.start()
    driver.advance(2)
    [record] = heard
    driver.advance(20)

    assert driver.value == "done"
    assert errors(heard) == ["forgotten"]
    assert record["message"].startswith("Forgets 'i': task 'task-")
    assert record["message"].endswith("(explode) failed, and nobody awaits it")
    assert {name: record["extra"][name] for name in ("workflow", "instance", "run", "method")} == {
        "workflow": "Forgets",
        "instance": "i",
        "run": driver.run,
        "method": "run",
    }


@pytest.mark.parametrize("evict", [False, True])
def test_a_failed_task_that_the_workflow_keeps_is_logged_once_when_it_ends(heard: list[Any], *, evict: bool) -> None:
    driver = Driver(Holds, evict=evict, cold=False)

    driver.start()
    driver.advance(7)
    assert heard == []
    driver.advance(20)

    assert driver.value == "done"
    assert errors(heard) == ["held"]


@pytest.mark.parametrize("evict", [False, True])
def test_a_failed_task_that_is_awaited_later_is_not_logged(heard: list[Any], *, evict: bool) -> None:
    driver = Driver(Asks, evict=evict, cold=False)

    driver.start()
    driver.advance(20)

    assert driver.value == "asked for"
    assert heard == []


@pytest.mark.parametrize("evict", [False, True])
def test_a_callback_that_raises_is_logged_once(heard: list[Any], *, evict: bool) -> None:
    driver = Driver(Careless, evict=evict, cold=False)

    driver.start()
    driver.advance(20)

    assert driver.value == "done"
    assert errors(heard) == ["in a callback", "in a callback"]
    assert "Exception in callback" in heard[0]["message"]


def test_what_fails_while_a_dropped_actor_is_torn_down_is_no_news(heard: list[Any]) -> None:
    @workflow.define(name="Stubborn")
    class Stubborn:
        async def run(self) -> None:
            asyncio.create_task(self.beside())  # noqa: RUF006 - as above
            await workflow.timer(timedelta(days=1))

        async def beside(self) -> None:
            try:
                await workflow.timer(timedelta(days=1))
            finally:
                raise RuntimeError("torn down")

    driver = Driver(Stubborn, cold=False)
    driver.start()

    driver.forget()

    assert heard == []
