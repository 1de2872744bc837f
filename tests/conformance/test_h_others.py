"""H · other workflows: signals and cancellations from one instance to others, by id and by tag."""

from __future__ import annotations

import asyncio

import pytest

from leveret import workflow
from leveret.errors import WorkflowCancelled, WorkflowFailed, WorkflowUnknown
from tests.conformance.house import DEADLINE, House


@workflow.define
class Hears:
    words = workflow.Channel[str]()

    def __init__(self) -> None:
        self.heard: list[str] = []

    async def run(self) -> str:
        self.heard.append(await self.words.receive())
        return " ".join(self.heard)

    async def hear(self, word: str) -> int:
        self.heard.append(word)
        return len(self.heard)

    @workflow.query
    def words_heard(self) -> list[str]:
        return self.heard

    async def fail(self) -> None:
        raise ValueError("deaf")


@workflow.define
class Speaks:
    async def to_one(self) -> None:
        await workflow.get(Hears, id="b").words.send("to b")
        await workflow.get("Hears", id="c").signal("words", "to c")

    async def to_tag(self) -> None:
        await workflow.all(Hears, tag="t").words.send("to all")

    async def calls(self) -> list[int]:
        other = workflow.get(Hears, id="b")
        second = workflow.dispatch(other.hear, "and")
        return [await second, await workflow.get("Hears", id="b").call("hear", {"word": "so"})]

    async def asks(self) -> list[str]:
        return await workflow.get(Hears, id="b").words_heard()

    async def calls_tag(self) -> None:
        await workflow.dispatch(workflow.all(Hears, tag="t").hear, "all")

    async def calls_failing(self) -> str:
        try:
            await workflow.get(Hears, id="b").fail()
        except WorkflowFailed as error:
            return f"{error.failure.type}: {error.failure.message}"
        return ""

    async def calls_nobody(self) -> str:
        try:
            await workflow.get(Hears, id="nobody").hear("word")
        except WorkflowUnknown as error:
            return str(error)
        return ""

    async def cancels(self) -> None:
        await workflow.cancel(workflow.get(Hears, id="b"), "one by one")
        await workflow.cancel(workflow.all(Hears, tag="t"), "all of them")


async def test_H06_a_workflow_signals_others_by_id(house: House) -> None:
    await house.open(Hears, Speaks)
    a, b, c = [await house.start(Hears, id=name) for name in "abc"]

    await house.call(Speaks, method="to_one")

    assert [await handle.result(DEADLINE) for handle in (b, c)] == ["to b", "to c"]
    await house.client.get(Hears, id="a").words.send("at last")
    assert await a.result(DEADLINE) == "at last"


async def test_H06_a_workflow_signals_others_by_tag(house: House) -> None:
    await house.open(Hears, Speaks)
    tagged = [await house.start(Hears, tags={"t"}) for _ in range(3)]
    other = await house.start(Hears, id="other")

    await house.call(Speaks, method="to_tag")

    assert await asyncio.gather(*(handle.result(DEADLINE) for handle in tagged)) == ["to all"] * 3
    await house.client.get(Hears, id="other").words.send("at last")
    assert await other.result(DEADLINE) == "at last"


async def test_H06_a_workflow_calls_methods_of_another_by_id(house: House) -> None:
    await house.open(Hears, Speaks)
    b = await house.start(Hears, id="b")

    assert await house.call(Speaks, method="calls") == [1, 2]

    await house.client.get(Hears, id="b").words.send("on")
    assert await b.result(DEADLINE) == "and so on"


async def test_P06_a_workflow_queries_another_running_and_closed(house: House) -> None:
    await house.open(Hears, Speaks)
    b = await house.start(Hears, id="b")
    await house.client.get(Hears, id="b").hear("first")
    assert await house.call(Speaks, method="asks") == ["first"]

    await house.client.get(Hears, id="b").words.send("last")
    await b.result(DEADLINE)

    assert await house.call(Speaks, method="asks") == ["first", "last"]


async def test_H06_a_workflow_calls_a_method_of_all_with_a_tag(house: House) -> None:
    await house.open(Hears, Speaks)
    tagged = [await house.start(Hears, tags={"t"}) for _ in range(3)]

    await house.call(Speaks, method="calls_tag")
    await house.client.all(Hears, tag="t").words.send("of them")

    assert await asyncio.gather(*(handle.result(DEADLINE) for handle in tagged)) == ["all of them"] * 3


async def test_H06_a_method_that_fails_raises_in_the_workflow_that_calls_it(house: House) -> None:
    await house.open(Hears, Speaks)
    b = await house.start(Hears, id="b")

    assert await house.call(Speaks, method="calls_failing") == "ValueError: deaf"

    await house.client.get(Hears, id="b").words.send("alive")
    assert await b.result(DEADLINE) == "alive"


async def test_H07_calling_an_unknown_id_can_be_caught(house: House) -> None:
    await house.open(Hears, Speaks)

    assert "workflow Hears 'nobody' does not exist" in await house.call(Speaks, method="calls_nobody")


async def test_E12_a_workflow_cancels_others_by_id_and_by_tag(house: House) -> None:
    await house.open(Hears, Speaks)
    one = await house.start(Hears, id="b")
    tagged = await house.start(Hears, tags={"t"})

    await house.call(Speaks, method="cancels")

    for handle, reason in ((one, "one by one"), (tagged, "all of them")):
        with pytest.raises(WorkflowCancelled):
            await handle.result(DEADLINE)
        assert (await house.describe(handle))["reason"] == reason
