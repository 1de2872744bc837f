"""E10: what would end a process or a task ends only the code that waits, wherever code of the user's raises it."""

import asyncio
from collections.abc import Callable
from typing import Any, NoReturn

import pytest

from leveret import DeferredError, workflow
from leveret_broker.envelope import ClientCaller, Query
from leveret_broker.outcome import Failed
from tests.workflow.harness import CODEC, Driver

KINDS: dict[str, type[BaseException]] = {
    kind.__name__: kind
    for kind in (SystemExit, KeyboardInterrupt, GeneratorExit, asyncio.CancelledError, StopIteration, MemoryError)
}


@workflow.define(name="Raisers")
class Raisers:
    numbers = workflow.Channel[int]()
    others = workflow.Channel[int]()

    def __init__(self) -> None:
        self.sum = 0

    async def predicate(self, kind: str) -> list[Any]:
        return await self.told(lambda: self.numbers.receive(where=lambda _: raises(kind)), self.numbers.receive)

    async def condition(self, kind: str) -> list[Any]:
        adding = asyncio.create_task(self.add())
        told = await self.told(
            lambda: workflow.wait_for(lambda: raises(kind) if self.sum else False), lambda: workflow.timer(seconds=0)
        )
        await adding
        return told

    async def inline(self, kind: str) -> list[Any]:
        failed = ""
        try:
            workflow.inline(lambda: raise_it(kind))
        except DeferredError as error:
            failed = error.failure.type.rpartition(".")[2]
        return [failed, await self.numbers.receive()]

    async def add(self) -> None:
        self.sum += await self.numbers.receive()

    async def told(self, *waits: Callable[[], Any]) -> list[Any]:
        found: list[Any] = []
        for wait in waits:
            try:
                found.append(await wait())
            except (RuntimeError, MemoryError) as error:
                found.append(type(error.__cause__ or error).__name__)
        return found

    @workflow.query
    def query(self, kind: str) -> int:
        raises(kind)


def raises(kind: str) -> NoReturn:
    raise KINDS[kind]


def raise_it(kind: str) -> int:
    raise KINDS[kind]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("method", "then"), [("predicate", 1), ("condition", None), ("inline", 1)])
def test_E10_whatever_user_code_raises_fails_its_waiter_and_replays(method: str, then: object, kind: str) -> None:
    driver = Driver(Raisers)
    driver.start(method=method, kind=kind)

    driver.signal("numbers", 1)
    driver.advance(1)

    assert driver.value == [kind, then]


@pytest.mark.parametrize("kind", KINDS)
def test_E10_whatever_a_query_raises_reaches_its_caller_and_the_instance_goes_on(kind: str) -> None:
    driver = Driver(Raisers)
    driver.start(method="add")

    driver.send(Query("query", CODEC.dump({"kind": kind}), ClientCaller("client", "q")))
    driver.signal("numbers", 1)

    [asked, _] = driver.answers
    assert isinstance(asked, Failed)
    assert asked.failure.type.rpartition(".")[2] == kind
    assert driver.status == "completed"
