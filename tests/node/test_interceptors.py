"""Interceptors of a node: around methods, commands, signals and attempts, the same on every replay."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any

import pytest

from leveret import Client, interceptors, service, workflow
from leveret.interceptors import TaskInterceptor, WorkflowInterceptor
from leveret.runtime import TaskCall
from leveret.service.task_context import TaskContext
from leveret_actors import Node
from leveret_actors.settings import Settings


class Clerk:
    async def write(self, word: str) -> str:
        return f"{word} {service.context().meta['trace']}"

    @service.task
    def stamp(self, word: str) -> str:
        return f"{word} {service.context().meta['trace']}"


@workflow.define
class Letter:
    clerk = workflow.service(Clerk)
    words = workflow.Channel[str]()

    async def run(self, word: str) -> list[str]:
        written = await self.clerk.write(word)
        await workflow.timer(3600)
        return [written, await self.clerk.stamp(await self.words.receive())]


class Tracing(WorkflowInterceptor, TaskInterceptor):
    """A feature is one class: passes an id on, and takes timers down."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    async def run_method(self, details: interceptors.MethodRun, /) -> Any:
        result = await details.proceed()
        return [*result, f"{details.info.method}{details.args}"]

    def task(self, details: interceptors.TaskIssue, /) -> TaskCall:
        return replace(details.call, meta={**details.call.meta, "trace": details.info.id})

    def timer(self, details: interceptors.TimerIssue, /) -> float:
        return details.at - 3600

    def signal(self, details: interceptors.SignalArrival, /) -> None:
        if details.value == "rude":
            raise ValueError(details.value)

    def attempt(self, context: TaskContext, /) -> AbstractContextManager[Any]:
        return self._attempt(context)

    @contextmanager
    def _attempt(self, context: TaskContext) -> Generator[None]:
        self.seen.append(f"{context.task} begins")
        yield
        self.seen.append(f"{context.task} ends")


@pytest.mark.parametrize("cached", [0, 100])
async def test_interceptors_run_around_what_workflows_and_tasks_do_also_when_each_turn_is_replayed(cached: int) -> None:
    tracing, url = Tracing(), f"memory://interceptors-{cached}"
    settings = Settings(cache_actors=cached)
    async with (
        Node(url, workflows=[Letter], services=[Clerk()], settings=settings, interceptors=[tracing]),
        Client(url) as client,
    ):
        handle = await client.dispatch(client.new(Letter, id="l1").run, "a")
        for word in ("rude", "b"):
            await client.get(Letter, id="l1").words.send(word)
        result = await handle.result(30)

    assert result == ["a l1", "b l1", "run('a',)"]
    assert tracing.seen == ["write begins", "write ends", "stamp begins", "stamp ends"]


class Outer(WorkflowInterceptor):
    def __init__(self, name: str, calls: list[str]) -> None:
        self._name = name
        self._calls = calls

    async def run_method(self, details: interceptors.MethodRun, /) -> Any:
        self._calls.append(self._name)
        return await details.proceed()


@workflow.define
class Plain:
    async def run(self) -> str:
        return "done"


async def test_the_first_interceptor_is_the_outermost() -> None:
    calls: list[str] = []
    around = [Outer("first", calls), Outer("second", calls)]
    async with (
        Node("memory://outermost", workflows=[Plain], interceptors=around),
        Client("memory://outermost") as client,
    ):
        result = await client.new(Plain).run()

    assert (result, calls) == ("done", ["first", "second"])
