"""Interceptors of a node: around methods, commands, signals and attempts, the same on every replay."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from leveret import Client, interceptors, service, workflow
from leveret.calls import TagCall, TaskCall
from leveret.errors import ArgumentMismatch
from leveret.interceptors import TaskInterceptor, WorkflowInterceptor
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

    async def run_task(self, details: interceptors.TaskRun, /) -> Any:
        result = await details.proceed()
        self.seen.append(f"{details.context.task}{details.args}: {result}")
        return result


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
    assert tracing.seen == ["write('a',): a l1", "stamp('b',): b l1"]


class Outer(WorkflowInterceptor, TaskInterceptor):
    def __init__(self, name: str, calls: list[str]) -> None:
        self._name = name
        self._calls = calls

    async def run_method(self, details: interceptors.MethodRun, /) -> Any:
        self._calls.append(f"{self._name} run")
        return await details.proceed()

    def task(self, details: interceptors.TaskIssue, /) -> TaskCall:
        self._calls.append(f"{self._name} issues")
        return details.call

    def run_query(self, details: interceptors.QueryRun, /) -> Any:
        self._calls.append(f"{self._name} query")
        return details.proceed()

    async def run_task(self, details: interceptors.TaskRun, /) -> Any:
        self._calls.append(f"{self._name} task")
        return await details.proceed()


class Echo:
    async def say(self, word: str) -> str:
        return word


@workflow.define
class Plain:
    echo = workflow.service(Echo)

    async def run(self) -> str:
        return await self.echo.say("done")

    @workflow.query
    def words(self) -> int:
        return 1


async def test_the_first_interceptor_is_the_outermost() -> None:
    calls: list[str] = []
    around = [Outer("first", calls), Outer("second", calls)]
    async with (
        Node("memory://outermost", workflows=[Plain], services=[Echo()], interceptors=around),
        Client("memory://outermost") as client,
    ):
        result = await client.new(Plain, id="p1").run()
        words = await client.get(Plain, id="p1").words()

    assert (result, words) == ("done", 1)
    expected = [f"{name} {what}" for what in ("run", "issues", "task", "query") for name in ("first", "second")]
    assert calls[:6] + calls[-2:] == expected  # between them, the query replays what has ended


@workflow.define
class Labelled:
    go = workflow.Channel[str]()

    async def run(self) -> list[str]:
        await workflow.add_tags("vip", "late")
        for wrong in (["secret", "vip"], ["unprintable"]):
            with pytest.raises((ValueError, ArgumentMismatch), match=r"not this one|is not usable"):
                workflow.add_tags(*wrong)
        await self.go.receive()
        await workflow.remove_tags("late")
        await self.go.receive()
        return sorted(workflow.info().tags)


class Tenant(WorkflowInterceptor):
    """Keeps the tags of tenants apart."""

    def tag(self, details: interceptors.TagIssue, /) -> TagCall:
        if details.call.tag == "secret":
            raise ValueError("not this one")
        tenant = next(tag for tag in details.info.tags if tag.startswith("tenant:"))
        tag = "\n" if details.call.tag == "unprintable" else f"{tenant}/{details.call.tag}"
        return replace(details.call, tag=tag)


@pytest.mark.parametrize("cached", [0, 100])
async def test_T04_tags_that_code_adds_and_removes_pass_the_interceptors_also_when_each_turn_is_replayed(
    cached: int,
) -> None:
    url, settings = f"memory://tag-interceptors-{cached}", Settings(cache_actors=cached)
    async with (
        Node(url, workflows=[Labelled], settings=settings, interceptors=[Tenant()]),
        Client(url) as client,
    ):
        handle = await client.dispatch(client.new(Labelled, id="l1", tags={"tenant:7"}).run)
        while not [one async for one in client.members(client.all(Labelled, tag="tenant:7/late"))]:
            pass
        await client.all(Labelled, tag="tenant:7/late").go.send("on")
        await client.all(Labelled, tag="tenant:7/vip").go.send("on")
        result = await handle.result(30)

    assert result == ["tenant:7", "tenant:7/vip"]
