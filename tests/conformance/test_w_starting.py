"""W · starting: the same id, the same tag, the same message, more than once; before and after the end."""

from __future__ import annotations

import asyncio

import pytest

from leveret import workflow
from leveret.errors import WorkflowAlreadyStarted
from tests.conformance.bench import Bench, SteeredBench
from tests.conformance.house import DEADLINE, House, pending


@workflow.define
class Waits:
    bench = workflow.service(Bench)
    inlet = workflow.Channel[str]()

    async def run(self, word: str) -> str:
        await self.bench.say(word)
        return word + await self.inlet.receive()


async def test_W07_a_second_start_of_an_open_id_gets_the_first_ones_handle(house: House) -> None:
    bench = SteeredBench()
    await house.open(Waits, services=(bench,))

    first, second = [await house.start(Waits, word, id="w") for word in ("a", "b")]
    await house.client.get(Waits, id="w").inlet.send("!")

    assert [await handle.result(DEADLINE) for handle in (first, second)] == ["a!", "a!"]
    assert bench.calls == ["a"]


async def test_W07_a_second_start_that_wants_to_fail_is_refused(house: House) -> None:
    bench = SteeredBench()
    await house.open(Waits, services=(bench,))
    await house.waiting(await house.start(Waits, "a", id="w"), "receive")

    with pytest.raises(WorkflowAlreadyStarted, match="'w'"):
        await house.start(Waits, "b", id="w", on_conflict="fail")

    assert bench.calls == ["a"]


async def test_W08_starts_with_the_same_unique_tag_are_one_instance(house: House) -> None:
    bench = SteeredBench()
    await house.open(Waits, services=(bench,))

    handles = [await house.start(Waits, "a", unique_tag="order:1") for _ in range(10)]
    await asyncio.gather(*(handle.started(DEADLINE) for handle in handles))
    await house.client.all(Waits, tag="order:1").inlet.send("!")

    assert {await handle.result(DEADLINE) for handle in handles} == {"a!"}
    assert len({handle.id for handle in handles}) == 1
    assert bench.calls == ["a"]


@workflow.define
class GivesWay:
    bench = workflow.service(Bench)

    async def run(self) -> str:
        try:
            return await self.bench.say("never")
        except asyncio.CancelledError:
            return "saw it"


async def test_W12_an_instance_cancelled_before_any_node_exists_starts_and_sees_it(house: House) -> None:
    bench = SteeredBench()
    handle = await house.start(GivesWay)
    await handle.cancel()

    await house.open(GivesWay, services=(bench,))

    assert await handle.result(DEADLINE) == "saw it"
    assert bench.calls == []


@workflow.define
class Leaves:
    bench = workflow.service(Bench)

    async def run(self, word: str, *, stay: bool) -> str:
        task = workflow.dispatch(self.bench.hold, word)
        return await task if stay else "left"


async def test_W17_a_late_result_of_the_old_run_never_reaches_the_new_one(house: House) -> None:
    bench = SteeredBench()
    await house.open(Leaves, services=(bench,))
    handle = await house.client.dispatch(house.client.new(Leaves, id="l").run, "old", stay=False)
    assert await handle.result(DEADLINE) == "left"
    await bench.begun("old")

    again = await house.client.dispatch(house.client.new(Leaves, id="l", on_closed="new").run, "new", stay=True)
    row = await house.waiting(house.remember(Leaves, again), "task")
    bench.let_go("old", "new")

    assert [command["number"] for command in pending(row)] == [1]
    assert await again.result(DEADLINE) == "new"
    assert bench.ended == ["old", "new"]


async def test_W17_a_closed_id_keeps_its_result_or_refuses_as_the_start_says(house: House) -> None:
    bench = SteeredBench()
    await house.open(Leaves, services=(bench,))
    client = house.client
    await house.remember(Leaves, await client.dispatch(client.new(Leaves, id="l").run, "a", stay=False)).result()

    kept = await client.dispatch(client.new(Leaves, id="l").run, "b", stay=True)
    with pytest.raises(WorkflowAlreadyStarted):
        await client.dispatch(client.new(Leaves, id="l", on_closed="fail").run, "c", stay=True)

    assert await kept.result(DEADLINE) == "left"
    bench.let_go("a")


async def test_W18_the_same_start_sent_again_is_one_run_at_once_and_after_the_end_and_a_restart(house: House) -> None:
    bench = SteeredBench()
    await house.open(Waits, services=(bench,))

    async def start() -> str:
        handle = await house.start(Waits, "a", id="w", message_id="once", on_closed="new")
        await house.client.get(Waits, id="w").inlet.send("!", message_id="go")
        return str(await handle.result(DEADLINE))

    results = [*await asyncio.gather(start(), start()), await start()]
    await house.restart()
    results.append(await start())

    assert results == ["a!"] * 4
    assert bench.calls == ["a"]
