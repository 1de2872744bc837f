"""Services that are made when their node starts, and closed when their tasks have ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Any, Self

import pytest

from leveret import Client, ConfigurationError, WorkflowFailed, service, workflow
from leveret_actors import Node
from leveret_actors.settings import Settings


class Line:
    """What a service needs; notes what happens to it."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    async def __aenter__(self) -> Self:
        self.notes.append("opened")
        return self

    async def __aexit__(self, *_: object) -> None:
        self.notes.append("closed")


class Phone:
    def __init__(self, line: Line) -> None:
        self.line = line

    async def call(self, name: str) -> str:
        self.line.notes.append(f"calls {name}")
        return f"hello {name}"

    async def hold(self) -> None:
        self.line.notes.append("holds")
        try:
            await asyncio.Event().wait()
        finally:
            self.line.notes.append("lets go")


@workflow.define
class Greets:
    phone = workflow.service(Phone)

    async def run(self, name: str) -> str:
        return await self.phone.call(name)

    async def holds(self) -> None:
        await self.phone.hold()


@asynccontextmanager
async def phone(line: Line) -> AsyncGenerator[Phone]:
    async with line, asyncio.TaskGroup():
        yield Phone(line)


@contextmanager
def sync_phone(line: Line) -> Generator[Phone]:
    line.notes.append("opened")
    yield Phone(line)
    line.notes.append("closed")


async def made_later(line: Line) -> Phone:
    line.notes.append("opened")
    return Phone(line)


def made(line: Line) -> Phone:
    line.notes.append("opened")
    return Phone(line)


async def greeted(url: str, target: object) -> str:
    async with Node(url, workflows=[Greets], services=[target]), Client(url) as client:
        return await client.new(Greets).run("ann")


@pytest.mark.parametrize(("factory", "closes"), [(phone, True), (sync_phone, True), (made_later, False), (made, False)])
async def test_a_service_is_made_at_the_nodes_start_and_closed_at_its_end(
    factory: Callable[[Line], object], *, closes: bool
) -> None:
    line = Line()
    node = Node(f"memory://{factory.__name__}", services=[partial(factory, line)])
    assert line.notes == []

    found = await greeted(f"memory://{factory.__name__}", partial(factory, line))

    assert found == "hello ann"
    assert line.notes == ["opened", "calls ann"] + ["closed"] * closes
    assert node.name


async def test_what_is_made_may_be_configured() -> None:
    line = Line()
    url = "memory://configured"
    wanted = service.configured(partial(phone, line), timeout=0.01)

    async with Node(url, workflows=[Greets], services=[wanted]), Client(url) as client:
        with pytest.raises(WorkflowFailed, match=r"timeout of 0\.01 s"):
            await client.new(Greets).holds()

    assert line.notes == ["opened", "holds", "lets go", "closed"]


async def test_a_service_is_closed_after_its_tasks_have_ended() -> None:
    line = Line()
    node = Node("memory://after", workflows=[Greets], services=[partial(phone, line)], settings=Settings(grace=0))
    async with node, Client("memory://after") as client:
        await client.dispatch(client.new(Greets).holds)
        async with asyncio.timeout(10):
            while "holds" not in line.notes:
                await asyncio.sleep(0)

    assert line.notes == ["opened", "holds", "lets go", "closed"]


async def test_it_is_opened_and_closed_in_one_task_whoever_starts_and_stops_the_node() -> None:
    line = Line()
    node = Node("memory://tasks", services=[partial(phone, line)])

    running = asyncio.create_task(node.run())
    async with asyncio.timeout(10):
        while line.notes != ["opened"]:
            await asyncio.sleep(0)
    node.stop()
    await running

    assert line.notes == ["opened", "closed"]


async def test_two_functions_may_not_make_services_of_one_name() -> None:
    first, second = Line(), Line()
    node = Node("memory://twice", services=[partial(phone, first), partial(phone, second)])

    with pytest.raises(ConfigurationError, match="service Phone is there twice"):
        async with node:
            pass

    assert first.notes == second.notes == ["opened", "closed"]


def broken(line: Line) -> Phone:
    raise ConnectionError("no dial tone")


def wrong(line: Line) -> object:
    return 3


@pytest.mark.parametrize(
    ("factory", "said"),
    [(broken, "could not make its service: ConnectionError: no dial tone"), (wrong, "what .* makes is not a service")],
)
async def test_when_one_cannot_be_made_those_before_it_are_closed_and_the_error_says_why(
    factory: Callable[[Line], object], said: str
) -> None:
    line = Line()
    node = Node("memory://broken", services=[partial(phone, line), partial(factory, line)])

    with pytest.raises(ConfigurationError, match=said) as raised:
        async with node:
            pass

    assert line.notes == ["opened", "closed"]
    assert factory.__name__ in str(raised.value)


async def test_what_closing_raises_is_raised_by_the_node() -> None:
    @asynccontextmanager
    async def rude() -> AsyncGenerator[Phone]:
        yield Phone(Line())
        raise ConnectionError("hung up")

    with pytest.raises(ConnectionError, match="hung up"):
        async with Node("memory://rude", services=[rude]):
            pass


async def test_what_breaks_beside_a_service_ends_its_node_with_the_error() -> None:
    go = asyncio.Event()

    async def breaks() -> None:
        await go.wait()
        raise ConnectionError("cut")

    @asynccontextmanager
    async def fragile() -> AsyncGenerator[Phone]:
        async with asyncio.TaskGroup() as group:
            group.create_task(breaks())
            yield Phone(Line())

    go.set()
    with pytest.raises(ExceptionGroup) as raised:
        await Node("memory://fragile", services=[fragile]).run()

    assert isinstance(raised.value.exceptions[0], ConnectionError)


async def test_a_node_that_is_stopped_while_a_service_opens_leaves_nothing_half_open() -> None:
    line, begun = Line(), asyncio.Event()

    async def never(line: Line) -> Any:
        begun.set()
        await asyncio.Event().wait()

    node = Node("memory://never", services=[partial(phone, line), partial(never, line)])
    running = asyncio.create_task(node.run())
    await begun.wait()
    node.stop()
    await running

    assert line.notes == ["opened", "closed"]


@contextmanager
def stuck_at_the_end() -> Generator[Phone]:
    yield Phone(Line())
    raise OSError("the line is stuck")


async def awaits_what_was_cancelled() -> Phone:
    never = asyncio.get_running_loop().create_future()
    never.cancel()
    await never
    return Phone(Line())


@pytest.mark.parametrize(
    ("second", "text"),
    [(partial(broken, Line()), "no dial tone"), (awaits_what_was_cancelled, "was cancelled")],
    ids=["broken", "cancelled"],
)
async def test_what_closing_the_first_raises_does_not_hide_why_the_second_could_not_be_made(
    second: object, text: str
) -> None:
    node = Node("memory://", services=[stuck_at_the_end, second])

    with pytest.raises(ConfigurationError, match=text):
        await node.run()


@pytest.mark.parametrize("stubborn", [False, True])
async def test_a_service_that_never_closes_keeps_no_node_from_ending(stubborn: bool) -> None:
    begun, go = asyncio.Event(), asyncio.Event()

    @asynccontextmanager
    async def endless() -> AsyncGenerator[Phone]:
        yield Phone(Line())
        begun.set()
        while not go.is_set():
            try:
                await go.wait()
            except asyncio.CancelledError:
                if not stubborn:
                    raise

    node = Node("memory://", services=[endless], settings=Settings(grace=0.05))

    async with asyncio.timeout(10):
        async with node:
            pass

    assert begun.is_set()
    go.set()
