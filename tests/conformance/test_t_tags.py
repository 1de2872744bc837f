"""T · tags: business ids that instances carry."""

from __future__ import annotations

import asyncio

import pytest

from leveret import workflow
from leveret.errors import WorkflowAlreadyStarted, WorkflowCancelled
from tests.conformance.house import DEADLINE, House


@workflow.define
class Carries:
    go = workflow.Channel[int]()

    async def run(self) -> int:
        return await self.go.receive()


async def members(house: House, tag: str) -> list[str]:
    """Return who carries a tag."""
    return [member.id async for member in house.client.members(house.client.all(Carries, tag=tag))]


async def nobody_left(house: House, tag: str) -> None:
    """Wait until nobody carries a tag: whoever has ended leaves by message."""
    async with asyncio.timeout(DEADLINE):
        while await members(house, tag):
            pass


async def test_T01_tags_are_visible_as_soon_as_the_start_returned(house: House) -> None:
    await house.open(Carries)

    seen: list[list[str]] = []
    for name in "abc":
        await house.start(Carries, id=name, tags={"all", f"only-{name}"})
        seen.append(await members(house, "all"))

    assert seen == [["a"], ["a", "b"], ["a", "b", "c"]]
    assert await members(house, "only-b") == ["b"]


async def test_T02_many_instances_of_a_tag_get_a_signal_once_each(house: House) -> None:
    await house.open(Carries)
    client = house.client
    handles = [
        await asyncio.gather(*(client.dispatch(client.new(Carries, tags={"all"}).run) for _ in range(250)))
        for _ in range(6)
    ]

    await client.all(Carries, tag="all").go.send(1)

    results = [await asyncio.gather(*(handle.result(DEADLINE) for handle in group)) for group in handles]
    assert sum(sum(group) for group in results) == 1500
    house.remember(Carries, handles[0][0])
    house.remember(Carries, handles[-1][-1])


async def test_T02_cancelling_by_tag_reaches_every_member_and_nobody_else(house: House) -> None:
    await house.open(Carries)
    mine = [await house.start(Carries, tags={"mine"}) for _ in range(20)]
    other = await house.start(Carries, tags={"other"})

    await house.client.cancel(house.client.all(Carries, tag="mine"))

    for handle in mine:
        with pytest.raises(WorkflowCancelled):
            await handle.result(DEADLINE)
    assert (await house.waiting(other, "receive"))["status"] == "running"


async def test_T03_tags_vanish_with_completion_and_with_cancellation(house: House) -> None:
    await house.open(Carries)
    done, gone = [await house.start(Carries, id=name, tags={"t"}) for name in ("done", "gone")]

    await house.client.get(Carries, id="done").go.send(1)
    await house.client.cancel(gone)

    assert await done.result(DEADLINE) == 1
    with pytest.raises(WorkflowCancelled):
        await gone.result(DEADLINE)
    await nobody_left(house, "t")


async def test_T06_a_unique_tag_is_free_again_once_its_instance_ended(house: House) -> None:
    await house.open(Carries)
    first = await house.start(Carries, id="first", unique_tag="u")
    await first.started(DEADLINE)
    with pytest.raises(WorkflowAlreadyStarted):
        await house.client.dispatch(house.client.new(Carries, id="no", unique_tag="u", on_conflict="fail").run)

    await house.client.all(Carries, tag="u").go.send(1)
    assert await first.result(DEADLINE) == 1
    await nobody_left(house, "u")
    second = await house.start(Carries, id="second", unique_tag="u", on_conflict="fail")

    assert second.id == "second"
    assert await members(house, "u") == ["second"]
