"""S · pausing: a service that begins nothing until it is resumed."""

from __future__ import annotations

import asyncio

from leveret import workflow
from leveret_actors.node import Node
from tests.conformance.bench import Bench, SteeredBench
from tests.conformance.house import DEADLINE, House


@workflow.define
class Works:
    bench = workflow.service(Bench)

    async def run(self, words: list[str]) -> list[str]:
        return await workflow.all_of([workflow.dispatch(self.bench.say, word) for word in words])

    async def holds(self, word: str) -> str:
        return await self.bench.hold(word)


async def obeyed(node: Node | None, *, paused: bool = True) -> None:
    """Wait until a node knows."""
    assert node is not None
    async with asyncio.timeout(DEADLINE):
        await node._pauses.until("Bench", paused=paused)


async def test_S13_a_paused_service_begins_nothing_on_any_node_and_goes_on_when_resumed(house: House) -> None:
    here, there = SteeredBench(), SteeredBench()
    await house.open(Works, services=(here,))
    other = await house.reinforce(there)

    said = await house.client.pause_service(Bench)
    again = await house.client.pause_service("Bench")
    await obeyed(house.node)
    await obeyed(other)
    handle = await house.start(Works, ["a", "b", "c"])
    await house.waiting(handle, count=3)
    begun_before = here.calls + there.calls
    back = await house.client.resume_service(Bench)

    assert await handle.result(DEADLINE) == ["a", "b", "c"]
    assert begun_before == []
    assert sorted(here.calls + there.calls) == ["a", "b", "c"]
    assert said == again
    assert (said.text, back.text) == ("service Bench is paused", "service Bench goes on")


async def test_S13_what_runs_ends_while_what_waits_stays_in_the_queue(house: House) -> None:
    bench = SteeredBench()
    await house.open(Works, services=(bench,))
    running = await house.start(Works, "long", method="holds")
    await bench.begun("long")

    await house.client.pause_service(Bench)
    await obeyed(house.node)
    waiting = await house.start(Works, ["later"])
    await house.waiting(waiting)
    bench.let_go("long")
    ended = await running.result(DEADLINE)
    begun_before = list(bench.calls)
    await house.client.resume_service(Bench)

    assert ended == "long"
    assert begun_before == ["long"]
    assert await waiting.result(DEADLINE) == ["later"]
    assert bench.calls == ["long", "later"]


async def test_S13_a_pause_outlives_all_nodes_and_other_services_go_on(house: House) -> None:
    class Other:
        async def go(self) -> str:
            return "gone"

    @workflow.define(name="Others")
    class Others:
        other = workflow.service(Other)

        async def run(self) -> str:
            return await self.other.go()

    bench = SteeredBench()
    await house.open(Works, Others, services=(bench, Other()))
    await house.client.pause_service(Bench)
    await house.stop()
    handle = await house.start(Works, ["a"])
    await house.resume()
    await house.waiting(handle)

    gone = await house.call(Others)
    begun_before = list(bench.calls)
    await house.client.resume_service(Bench)

    assert (gone, begun_before) == ("gone", [])
    assert await handle.result(DEADLINE) == ["a"]
