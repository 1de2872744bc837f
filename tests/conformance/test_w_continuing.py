"""W · continuing as new: one id, several runs, each with a journal of its own."""

from __future__ import annotations

import pytest

from leveret import workflow
from leveret.events import WorkflowContinued
from tests.conformance.house import DEADLINE, House


@workflow.define
class Relay:
    legs = workflow.Channel[str]()

    async def run(self, left: int, route: list[str]) -> tuple[list[str], list[str], dict[str, str]]:
        route = [*route, await self.legs.receive()]
        if left:
            workflow.continue_as_new(left - 1, route=route)
        me = workflow.info()
        return route, sorted(me.tags), dict(me.meta)


@workflow.define
class Race:
    async def run(self) -> list[str]:
        route, _, _ = await workflow.new(Relay, id="relay").run(5, [])
        return route


@pytest.mark.parametrize("evict", [False, True])
async def test_W13_five_times_as_new_keeps_id_tags_meta_and_signals_and_result_follows(
    house: House, *, evict: bool
) -> None:
    await house.open(Relay, evict=evict, listens=True)
    handle = await house.start(Relay, 5, [], id="r", unique_tag="relay:1", tags={"order:1"}, meta={"who": "me"})
    first = (await house.waiting(handle, "receive"))["run"]

    for leg in "abc":
        await house.client.all(Relay, tag="order:1").legs.send(leg)
    for leg in "def":
        await house.client.get(Relay, id="r").legs.send(leg)

    route, tags, meta = await handle.result(DEADLINE)
    assert sorted(route) == [*"abcdef"]
    assert [leg for leg in route if leg in "abc"] == [*"abc"]
    assert [leg for leg in route if leg in "def"] == [*"def"]
    assert (tags, meta) == (["order:1"], {"who": "me"})
    told = await house.told(WorkflowContinued, 5)
    assert told[0].run == first
    assert [event.run for event in told[1:]] == [event.next_run for event in told[:-1]]


async def test_W13_a_parent_gets_the_result_of_the_last_run(house: House) -> None:
    await house.open(Relay, Race, evict=True)
    handle = await house.start(Race)
    await house.waiting(handle, "child")

    relay = house.remember(Relay, house.client.get("Relay", id="relay"))
    await house.waiting(relay, "receive")
    for leg in "abcdef":
        await house.client.get(Relay, id="relay").legs.send(leg)

    assert await handle.result(DEADLINE) == [*"abcdef"]


async def test_W13_a_cancelled_parent_cancels_the_run_of_now(house: House) -> None:
    await house.open(Relay, Race, listens=True)
    handle = await house.start(Race)
    await house.waiting(handle, "child")
    relay = house.client.get("Relay", id="relay")
    await house.waiting(relay, "receive")
    await relay.signal("legs", "a")
    await house.told(WorkflowContinued)

    await handle.cancel()

    await house.status(relay, "cancelled")
