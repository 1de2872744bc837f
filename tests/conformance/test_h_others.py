"""H · other workflows: signals and cancellations from one instance to others, by id and by tag."""

from __future__ import annotations

import asyncio

import pytest

from leveret import workflow
from leveret.errors import WorkflowCancelled
from tests.conformance.house import DEADLINE, House


@workflow.define
class Hears:
    words = workflow.Channel[str]()

    async def run(self) -> str:
        return await self.words.receive()


@workflow.define
class Speaks:
    async def to_one(self) -> None:
        await workflow.get(Hears, id="b").words.send("to b")
        await workflow.get("Hears", id="c").signal("words", "to c")

    async def to_tag(self) -> None:
        await workflow.all(Hears, tag="t").words.send("to all")

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


async def test_E12_a_workflow_cancels_others_by_id_and_by_tag(house: House) -> None:
    await house.open(Hears, Speaks)
    one = await house.start(Hears, id="b")
    tagged = await house.start(Hears, tags={"t"})

    await house.call(Speaks, method="cancels")

    for handle, reason in ((one, "one by one"), (tagged, "all of them")):
        with pytest.raises(WorkflowCancelled):
            await handle.result(DEADLINE)
        assert (await house.describe(handle))["reason"] == reason
