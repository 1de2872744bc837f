"""Listeners on each transport: what reaches them, in which order, how often."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from leveret import Client, ConfigurationError, Retry, events, listener
from leveret.listening import definition_of
from leveret_actors import DeadLetters, Node
from tests.egress.harness import QUIET, SECONDS, Ear, Quick, Slow, node

RIGHT_AWAY = Retry(initial=0, attempts=3, jitter=0)


async def test_a_listener_hears_what_it_wants_and_nothing_is_published_for_nobody(url: str) -> None:
    ear = Ear(workflows=[Quick], types=["dispatched", events.WorkflowCompleted])
    async with node(url, ear), Client(url) as client:
        await client.new(Quick, id="q").run("a")
        await client.new(Slow, id="s").run("a")
        await client.new(Quick, id="q2").run("b")
        await ear.ended("q", "q2")

    assert [(event.type, event.instance) for event in ear.of(events.WorkflowEvent)] == [
        ("dispatched", "q"),
        ("completed", "q"),
        ("dispatched", "q2"),
        ("completed", "q2"),
    ]


async def test_events_have_what_the_turn_knew(url: str) -> None:
    ear = Ear()
    async with node(url, ear), Client(url) as client:
        handle = await client.dispatch(client.new(Slow, id="s", tags={"t"}, meta={"k": "v"}).run, "a")
        description: Any = await handle.describe()
        run = description.data["run"]
        await ear.ended("s")
        (begun,) = ear.of(events.WorkflowDispatched)
        (task,) = ear.of(events.TaskCompleted)

    assert begun == events.WorkflowDispatched(
        id=begun.id,
        at=begun.at,
        workflow="shop.Slow",
        instance="s",
        run=run,
        method="run",
        tags=("t",),
        meta={"k": "v"},
    )
    assert (task.service, task.task, task.number) == ("Mill", "grind", 1)
    assert len({event.id for event in ear.heard}) == len(ear.heard)


@pytest.mark.parametrize(
    ("options", "heard"),
    [
        ({"workflows": "*", "types": ["completed"]}, {"q", "s"}),
        ({"workflows": "*", "except_workflows": ["shop.Slow"], "types": ["completed"]}, {"q"}),
        ({"workflows": "*", "except_types": ["failed", events.CommandEvent, events.MethodEvent]}, {"q", "s"}),
        ({"services": "*", "types": ["completed"]}, set()),
        ({"services": "*", "workflows": [Slow], "except_services": ["Mill"], "types": ["completed"]}, {"s"}),
    ],
    ids=["all", "without-one", "without-types", "services", "both"],
)
async def test_lists_allow_and_deny(url: str, options: dict[str, object], heard: set[str]) -> None:
    chosen, everything = Ear(**options), Ear(group="everything")
    async with node(url, chosen, everything), Client(url) as client:
        await client.new(Quick, id="q").run("a")
        await client.new(Slow, id="s").run("a")
        await everything.ended("q", "s")
        await chosen.until(lambda: {event.instance for event in chosen.of(events.WorkflowCompleted)} == heard)

    assert not chosen.of(events.CommandEvent)


async def test_a_listener_on_another_node_switches_its_types_on_everywhere_without_a_restart(url: str) -> None:
    ear = Ear(types=["signalReceived"])
    async with node(url), Client(url) as client:
        handle = await client.dispatch(client.new(Slow, id="s").hear, 1_000_000)
        async with node(url, ear, hosts=False), asyncio.timeout(SECONDS):
            while not ear.heard:
                await client.get(Slow, id="s").words.send("word")
                await asyncio.sleep(0.05)
        await handle.cancel()


async def test_new_workflow_types_are_heard_without_a_restart_of_the_listener(url: str) -> None:
    ear = Ear(workflows="*", types=["completed"])
    async with (
        node(url, ear, hosts=False),
        Client(url) as client,
        Node(url, workflows=[Quick], settings=QUIET),
    ):
        await client.new(Quick, id="q").run("a")
        await ear.ended("q")


async def test_events_wait_for_a_listener_that_is_away(url: str) -> None:
    before, after = Ear(types=["completed"]), Ear(types=["completed"])
    async with node(url, before), Client(url) as client:
        await client.new(Quick, id="q0").run("a")
        await before.ended("q0")
    async with node(url), Client(url) as client:
        for number in range(1, 4):
            await client.new(Quick, id=f"q{number}").run("a")
    async with node(url, after, hosts=False):
        await after.ended("q1", "q2", "q3")

    assert [event.instance for event in after.of(events.WorkflowEvent)] == ["q1", "q2", "q3"]


async def test_a_signal_for_a_tag_that_nobody_carries_is_heard_as_discarded(url: str) -> None:
    ear = Ear(workflows=[Slow], types=["signalDiscarded"])
    async with node(url, ear), Client(url) as client:
        await client.all(Slow, tag="nobody").words.send("word", message_id="m")
        (event,) = await ear.count(1)

    assert event == events.SignalDiscarded(
        id=event.id, at=event.at, workflow="shop.Slow", instance="", run="", channel="words",
        reason="no instance carries the tag", message_id="m", tag="nobody",
    )  # fmt: skip


@pytest.mark.parametrize("concurrency", [1, 4])
async def test_events_of_an_instance_come_in_order(url: str, concurrency: int) -> None:
    ear = Ear(workflows=[Slow], concurrency=concurrency)
    async with node(url, ear), Client(url) as client:
        await asyncio.gather(*(client.new(Slow, id=f"s{number}").run("twice") for number in range(10)))
        await ear.ended(*(f"s{number}" for number in range(10)))

    for number in range(10):
        mine = [event.type for event in ear.of(events.WorkflowEvent) if event.instance == f"s{number}"]
        assert mine == ["dispatched", "taskDispatched", "taskCompleted", "methodCompleted", "completed"]


async def test_a_batch_is_a_list_bounded_by_count(url: str) -> None:
    ear = Ear(types=["completed"], workflows=[Quick], batch=4, wait=0.2)
    async with node(url, ear), Client(url) as client:
        await asyncio.gather(*(client.new(Quick, id=f"q{number}").run("a") for number in range(20)))
        await ear.count(20)

    assert max(map(len, ear.calls)) <= 4
    assert len(ear.calls) < 20


async def test_a_listener_that_fails_is_called_again_and_those_behind_wait(url: str) -> None:
    tried: list[str] = []
    done = Ear(group="done", types=["completed"])

    @listener(workflows=[Quick], types=["dispatched", "completed"], retry=RIGHT_AWAY)
    async def stumbles(event: events.Event) -> None:
        tried.append(event.type)
        if len(tried) < 3:
            raise RuntimeError("not yet")
        if event.type == "completed":
            finished.set()

    finished = asyncio.Event()
    async with (
        Node(url, workflows=[Quick], listeners=[stumbles, done.function], settings=QUIET),
        Client(url) as client,
        asyncio.timeout(SECONDS),
    ):
        await client.new(Quick, id="q").run("a")
        await finished.wait()

    assert tried == ["dispatched", "dispatched", "dispatched", "completed"]


async def test_what_a_listener_gives_up_is_a_dead_letter_that_can_be_sent_again(
    url: str, request: pytest.FixtureRequest
) -> None:
    broken, calls = [True], list[str]()
    arrived = asyncio.Event()

    @listener(group="audit", workflows=[Quick], types=["completed"], retry=RIGHT_AWAY)
    async def audit(event: events.WorkflowCompleted) -> None:
        calls.append(event.instance)
        if broken and event.instance == "q1":
            raise RuntimeError("no such table")
        if event.instance == ("q2" if broken else "q1"):
            arrived.set()

    async with (
        Node(url, workflows=[Quick], listeners=[audit], settings=QUIET),
        Client(url) as client,
        DeadLetters(url) as letters,
        asyncio.timeout(SECONDS),
    ):
        for name in ("q1", "q2"):
            await client.new(Quick, id=name).run("a")
        await arrived.wait()
        while not (found := [letter async for letter in letters.list()]):
            await asyncio.sleep(0.01)
        arrived.clear()
        broken.clear()
        resent = [one async for one in letters.replay(found[0].id)]
        await arrived.wait()

    assert [letter.what for letter in found] == ["event completed of Quick 'q1'"]
    assert (found[0].source, found[0].reason) == ("@listener.audit", "listener audit: RuntimeError: no such table")
    assert [one.text for one in resent] == ["sent to listener audit"]
    assert calls == ["q1", "q1", "q1", "q2", "q1"]


async def test_one_event_of_a_batch_that_fails_spoils_no_others(url: str) -> None:
    stored = list[str]()

    @listener(group="rows", workflows=[Quick], types=["completed"], batch=5, wait=0.3, retry=Retry(attempts=1))
    async def rows(batch: list[events.WorkflowCompleted]) -> None:
        names = [event.instance for event in batch]
        if "q3" in names:
            raise RuntimeError("q3")
        stored.extend(names)

    async with (
        Node(url, workflows=[Quick], listeners=[rows], settings=QUIET),
        Client(url) as client,
        DeadLetters(url) as letters,
        asyncio.timeout(SECONDS),
    ):
        await asyncio.gather(*(client.new(Quick, id=f"q{number}").run("a") for number in range(6)))
        while not (found := [letter async for letter in letters.list()]) or len(stored) < 5:
            await asyncio.sleep(0.01)

    assert sorted(stored) == ["q0", "q1", "q2", "q4", "q5"]
    assert [letter.what for letter in found] == ["event completed of Quick 'q3'"]


async def test_a_plain_function_runs_in_a_thread() -> None:
    threads = list[str]()
    heard = threading.Event()

    @listener(types=["completed"])
    def plain(event: events.Event) -> None:
        threads.append(threading.current_thread().name)
        heard.set()

    async with (
        Node("memory://plain-listener", workflows=[Quick], listeners=[plain], settings=QUIET),
        Client("memory://plain-listener") as client,
    ):
        await client.new(Quick, id="q").run("a")
        assert await asyncio.to_thread(heard.wait, SECONDS)

    assert threads != [threading.current_thread().name]


async def test_a_plain_function_that_returns_something_to_await_is_awaited() -> None:
    heard = asyncio.Event()

    async def hear(_: events.Event) -> None:
        heard.set()

    @listener(types=["completed"], group="wrapped")
    def wrapped(event: events.Event) -> Awaitable[None]:
        return hear(event)

    async with (
        Node("memory://wrapped-listener", workflows=[Quick], listeners=[wrapped], settings=QUIET),
        Client("memory://wrapped-listener") as client,
    ):
        await client.new(Quick, id="q").run("a")
        async with asyncio.timeout(SECONDS):
            await heard.wait()


async def test_what_runs_when_a_node_stops_is_finished_and_what_waits_to_be_tried_again_comes_again(url: str) -> None:
    begun, calls = asyncio.Event(), list[str]()

    def make(name: str, fails: bool) -> Callable[..., Any]:
        @listener(group="slow", workflows=[Quick], types=["completed"], retry=Retry(initial=60, jitter=0))
        async def slow(event: events.WorkflowCompleted) -> None:
            calls.append(f"{name}: {event.instance}")
            begun.set()
            if fails:
                raise RuntimeError("try later")

        return slow

    async with Client(url) as client, asyncio.timeout(SECONDS):
        async with Node(url, workflows=[Quick], listeners=[make("first", fails=True)], settings=QUIET):
            await client.new(Quick, id="q").run("a")
            await begun.wait()
        begun.clear()
        async with Node(url, listeners=[make("second", fails=False)], settings=QUIET):
            await begun.wait()

    assert calls == ["first: q", "second: q"]


# -- what cannot work -------------------------------------------------------------------------------------------------


async def nothing(event: events.Event) -> None: ...


async def too_much(event: events.Event, more: str) -> None: ...


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"types": ["finished"]}, "there is no event 'finished'"),
        ({"types": "failed"}, "write ['failed'], a list"),
        ({"workflows": "Order"}, "write ['Order'], a list"),
        ({"batch": -1}, "batch ≥ 0"),
        ({"group": "not a name"}, "listener group"),
        ({"types": ["failed"], "except_types": ["failed"]}, "wants no event at all"),
    ],
    ids=["unknown-type", "type-text", "workflow-text", "batch", "group", "nothing-left"],
)
def test_a_listener_that_cannot_work_is_refused_at_once(options: dict[str, object], text: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        listener(**options)(nothing)  # type: ignore[arg-type]

    assert text in str(refused.value)


def test_a_listener_takes_one_argument() -> None:
    with pytest.raises(ConfigurationError, match="must take one argument"):
        listener()(too_much)


def test_a_node_refuses_what_is_no_listener_and_two_of_a_group() -> None:
    heard = listener()(nothing)

    with pytest.raises(ConfigurationError, match="put @leveret"):
        Node("memory://", listeners=[too_much])
    with pytest.raises(ConfigurationError, match="two listeners of this node have the group 'nothing'"):
        Node("memory://", listeners=[heard, heard])


def test_patterns_are_as_narrow_as_topics_allow() -> None:
    def patterns(**options: object) -> list[str]:
        async def hear(event: events.Event) -> None: ...

        return list(definition_of(listener(**options)(hear)).patterns)  # type: ignore[arg-type]

    assert patterns() == ["workflow.#", "service.#"]
    assert patterns(workflows=[Slow]) == ["workflow.shop.Slow.#"]
    assert patterns(types=["timedOut"]) == ["workflow.#.timedOut"]
    assert patterns(workflows=["B", "A"], services="*", types=["failed"]) == [
        "workflow.A.failed",
        "workflow.B.failed",
        "service.#.failed",
    ]
