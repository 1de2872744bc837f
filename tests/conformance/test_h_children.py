"""H · children: awaited, dispatched, detached; what a cancellation, a failure and a missing node do to both sides."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from leveret import Handle, WorkflowAlreadyStarted, WorkflowCancelled, WorkflowFailed, WorkflowTimedOut, workflow
from leveret.failure import attributes_of
from tests.conformance.bench import Bench, SteeredBench
from tests.conformance.house import DEADLINE, House, Row, pending


@workflow.define
class Child:
    bench = workflow.service(Bench)
    go = workflow.Channel[str]()

    async def say(self, word: str) -> str:
        return await self.bench.say(word)

    async def wait(self) -> str:
        return await self.go.receive()

    async def fail(self, word: str) -> str:
        return await self.bench.fail(word)

    async def about(self) -> list[Any]:
        info = workflow.info()
        assert info.parent is not None
        return [sorted(info.tags), dict(info.meta), info.parent.workflow, info.parent.id]


@workflow.define
class Middle:
    async def say(self, word: str) -> str:
        return f"({await workflow.new(Child).say(word)})"

    async def fail(self, word: str) -> str:
        return await workflow.new(Child).fail(word)


@workflow.define
class Factorial:
    async def run(self, n: int) -> int:
        return n * await workflow.new(Factorial).run(n - 1) if n else 1


@workflow.define
class Parent:
    """One use of children a method."""

    bench = workflow.service(Bench)
    on = workflow.Channel[str]()

    async def awaits(self) -> str:
        return await workflow.new(Middle).say("deep")

    async def dispatches(self) -> list[str]:
        words = [workflow.dispatch(workflow.new(Child).say, word) for word in "abc"]
        return await workflow.all_of(words)

    async def waits(self) -> str:
        return await workflow.new(Child, id="c", tags={"t"}).wait()

    async def waits_beside(self) -> str:
        workflow.dispatch(workflow.new(Child, id="c", tags={"t"}).wait)
        return await self.on.receive()

    async def waits_detached(self) -> str:
        return await workflow.new(Child, id="c", detached=True).wait()

    async def catches(self) -> str:
        try:
            return await workflow.new(Child, id="c").wait()
        except WorkflowCancelled as error:
            return f"{type(error).__name__}: {error}"

    async def fails(self) -> str:
        return await workflow.new(Middle).fail("room")

    async def catches_failure(self) -> str:
        try:
            return await workflow.new(Child).fail("room")
        except WorkflowFailed as error:
            cause = error.failure.cause or error.failure
            return f"{cause.type.rpartition('.')[2]}: {await self.bench.say('instead')}"

    async def ignores_failure(self) -> str:
        failing = workflow.dispatch(workflow.new(Child).fail, "room")
        while failing.status == "ongoing":
            await workflow.timer(seconds=0)
        return failing.status

    async def times_out(self) -> str:
        try:
            return await workflow.new(Child, timeout=0.05).wait()
        except WorkflowTimedOut as error:
            return str(error)

    async def passes_on(self) -> list[Any]:
        info = workflow.info()
        return await workflow.new(Child, tags=info.tags, meta=info.meta).about()

    async def starts_twice(self) -> list[str]:
        first = workflow.dispatch(workflow.new(Child, id="one", unique_tag="u").wait)
        await workflow.get(Child, id="one").go.send("a")
        second = await workflow.new(Child, id="one").wait()
        return [await first, second]

    async def must_be_new(self) -> str:
        try:
            return await workflow.new(Child, unique_tag="u", on_conflict="fail").wait()
        except WorkflowAlreadyStarted as error:
            return f"taken by {error.instance}"


CODE = Parent, Middle, Child, Factorial


def child(house: House, name: str = "c") -> Handle[Any]:
    return house.remember(Child, house.client.get("Child", id=name))


async def receiving(house: House, handle: Handle[Any]) -> Row:
    """Wait until an instance that may not be there yet waits for a signal."""
    return await house.described(handle, lambda row: bool(pending(row, "receive")))


@pytest.mark.parametrize("evict", [False, True], ids=["cached", "evicted"])
async def test_H01_children_run_three_levels_deep(house: House, evict: bool) -> None:
    await house.open(*CODE, services=(SteeredBench(),), evict=evict)

    assert await house.call(Parent, method="awaits") == "(deep)"


async def test_H01_dispatched_children_give_their_results_in_order(house: House) -> None:
    await house.open(*CODE, services=(SteeredBench(),))

    assert await house.call(Parent, method="dispatches") == ["a", "b", "c"]


@pytest.mark.parametrize("evict", [False, True], ids=["cached", "evicted"])
async def test_H01_a_factorial_calls_itself(house: House, evict: bool) -> None:
    await house.open(*CODE, evict=evict)

    assert await house.call(Factorial, 6) == 720


@pytest.mark.parametrize("method", ["waits", "waits_beside"])
async def test_H02_cancelling_the_parent_cancels_its_children_and_removes_their_tags(house: House, method: str) -> None:
    await house.open(*CODE)
    parent = await house.start(Parent, method=method)
    await receiving(house, child(house))

    await parent.cancel()

    with pytest.raises(WorkflowCancelled):
        await parent.result(DEADLINE)
    assert "by its parent Parent" in (await house.status(child(house), "cancelled"))["reason"]
    async with asyncio.timeout(DEADLINE):
        while [member async for member in house.client.all("Child", tag="t").members()]:
            pass  # the leave is on its way


async def test_H02_a_detached_child_goes_on(house: House) -> None:
    await house.open(*CODE)
    parent = await house.start(Parent, method="waits_detached")
    await receiving(house, child(house))

    await parent.cancel()
    with pytest.raises(WorkflowCancelled):
        await parent.result(DEADLINE)
    await child(house).signal("go", "on")

    assert await child(house).result(DEADLINE) == "on"


async def test_H03_cancelling_a_child_is_raised_in_the_awaiting_parent(house: House) -> None:
    await house.open(*CODE)
    parent = await house.start(Parent, method="catches")
    await receiving(house, child(house))

    await child(house).cancel()

    assert await parent.result(DEADLINE) == "WorkflowCancelled: workflow Child 'c' was cancelled"


async def test_H03_cancelling_a_child_that_nobody_awaits_leaves_the_parent_alone(house: House) -> None:
    await house.open(*CODE)
    parent = await house.start(Parent, method="waits_beside")
    await receiving(house, child(house))

    await child(house).cancel()
    await house.described(parent, lambda row: not pending(row, "child"))
    await house.client.get(Parent, id=parent.id).on.send("and on")

    assert await parent.result(DEADLINE) == "and on"


async def test_H04_a_failure_comes_from_the_task_to_the_client_with_its_chain(house: House) -> None:
    await house.open(*CODE, services=(SteeredBench(),))

    with pytest.raises(WorkflowFailed) as caught:
        await house.call(Parent, method="fails")

    chain = [caught.value.failure]
    while chain[-1].cause is not None:
        chain.append(chain[-1].cause)
    names = [failure.type.rpartition(".")[2] for failure in chain]
    assert names == ["WorkflowFailed", "WorkflowFailed", "TaskFailed", "Overbooked"]
    assert chain[-1].message == "no room for room"
    assert attributes_of(chain[-1]) == {"word": "room", "rooms": [1, 2]}
    assert "raise Overbooked(word)" in chain[-1].traceback
    assert [failure.where["workflow"] for failure in chain[:3]] == ["Parent", "Middle", "Child"]


async def test_H04_a_childs_failure_can_be_caught(house: House) -> None:
    await house.open(*CODE, services=(SteeredBench(),))

    assert await house.call(Parent, method="catches_failure") == "Overbooked: instead"


async def test_H04_a_childs_failure_that_nobody_awaits_leaves_the_parent_alone(house: House) -> None:
    await house.open(*CODE, services=(SteeredBench(),))

    assert await house.call(Parent, method="ignores_failure") == "failed"


async def test_H05_cancelling_a_parent_whose_child_has_no_node_does_not_hang(house: House) -> None:
    await house.open(Parent)
    parent = await house.start(Parent, method="waits")
    await house.waiting(parent, "child")

    await parent.cancel()

    with pytest.raises(WorkflowCancelled):
        await parent.result(DEADLINE)
    await house.stop()
    await house.open(*CODE)
    await house.status(child(house), "cancelled")


async def test_O03_a_childs_timeout_is_raised_in_its_parent(house: House) -> None:
    await house.open(*CODE)

    assert (await house.call(Parent, method="times_out")).endswith("timed out after 0.05 s")


async def test_W15_tags_and_meta_can_be_passed_on_to_a_child(house: House) -> None:
    await house.open(*CODE)

    parent = await house.start(Parent, method="passes_on", tags={"b", "a"}, meta={"k": "v"})

    assert await parent.result(DEADLINE) == [["a", "b"], {"k": "v"}, "Parent", parent.id]


async def test_W08_a_child_behind_a_unique_tag_gets_what_was_sent_right_after_its_start(house: House) -> None:
    await house.open(*CODE)

    parent = await house.start(Parent, method="starts_twice")
    row = await house.described(parent, lambda row: row["status"] != "running")

    assert (row["status"], await parent.result(DEADLINE)) == ("completed", ["a", "a"])


async def test_W08_a_child_whose_unique_tag_is_taken_may_fail(house: House) -> None:
    await house.open(*CODE)
    holder = house.remember(
        Child, await house.client.dispatch(house.client.new(Child, id="holder", unique_tag="u").wait)
    )
    await holder.started(DEADLINE)

    assert await house.call(Parent, method="must_be_new") == "taken by holder"
