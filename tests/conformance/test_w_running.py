"""W · running a workflow: results, contracts, names, what it knows of itself."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from leveret import service, workflow
from leveret.errors import ArgumentMismatch, WorkflowUnknown
from tests.conformance.bench import Bench, SteeredBench
from tests.conformance.contracts import Farewell, Greeting
from tests.conformance.house import DEADLINE, House
from tests.conformance.implementations import PoliteFarewell, PoliteGreeting, SpokenWords
from tests.conformance.processes import run_caller

AT_ONCE = 5.0
"""Seconds that an answer may take which waits for nothing, on a machine that does other things as well."""


@workflow.define
class Nothing:
    async def run(self, value: int | None) -> int | None:
        return value


class Adder:
    async def add(self, a: int, b: int) -> int:
        return a + b


@workflow.define
class Sums:
    adder = workflow.service(Adder)

    async def run(self, numbers: list[int]) -> int:
        total = 0
        for number in numbers:
            total = await self.adder.add(total, number)
        return total


@workflow.define
class Many:
    adder = workflow.service(Adder)

    async def run(self, count: int) -> list[int]:
        sums = [workflow.dispatch(self.adder.add, number, number) for number in range(count)]
        return await workflow.all_of(sums)


async def test_W01_a_workflow_that_awaits_nothing_completes_with_its_value(house: House) -> None:
    await house.open(Nothing)

    results = await asyncio.gather(house.call(Nothing, 7), house.call(Nothing, None))

    assert [*results] == [7, None]


async def test_W02_tasks_awaited_one_after_another_see_the_result_before(house: House) -> None:
    await house.open(Sums, services=(Adder(),))

    total = await house.call(Sums, [1, 2, 3, 4])

    assert total == 10


async def test_W03_a_protocol_or_a_base_class_is_enough_for_callers(house: House) -> None:
    await house.open(PoliteGreeting, PoliteFarewell, services=(SpokenWords(),))

    said = await run_caller("call", house.url, "Ada")

    assert said == {"answer": ["Good day, Ada", "Farewell, Ada"], "implementation": False}
    house.remember(PoliteGreeting, house.client.get("greeting", id="greeting"))
    house.remember(PoliteFarewell, house.client.get("farewell", id="farewell"))
    assert await house.client.result(house.client.get(Greeting, id="greeting")) == "Good day, Ada"
    assert await house.client.result(house.client.get(Farewell, id="farewell")) == "Farewell, Ada"


@service.define(name="till")
class Till:
    @service.task(name="take-money")
    async def take(self, amount: int) -> int:
        return amount


@workflow.define(name="purchase")
class Purchase:
    till = workflow.service(Till)
    approvals = workflow.Channel[bool](name="approved")

    @workflow.method(name="buy")
    async def run(self, amount: int) -> int:
        await self.approvals.receive()
        return await self.till.take(amount)


@service.define(name="till")
class CashDesk:
    @service.task(name="take-money")
    async def receive(self, amount: int) -> int:
        return amount


@workflow.define(name="purchase")
class Order:
    desk = workflow.service(CashDesk)
    decisions = workflow.Channel[bool](name="approved")

    @workflow.method(name="buy")
    async def order(self, amount: int) -> int:
        await self.decisions.receive()
        return await self.desk.receive(amount)


async def test_W04_renaming_python_symbols_changes_nothing_for_running_instances(house: House) -> None:
    await house.open(Purchase, services=(Till(),))
    handle = await house.start(Purchase, 5, id="p")
    await house.waiting(handle, "receive")
    await house.stop()

    await house.open(Order, services=(CashDesk(),))
    await house.client.get("purchase", id="p").signal("approved", value=True)

    assert await handle.result(DEADLINE) == 5
    house.remember(Order, handle)


async def test_W06_an_argument_that_does_not_fit_is_an_error_before_anything_is_sent(house: House) -> None:
    await house.open(Sums, services=(Adder(),))
    stub: Any = house.client.new(Sums, id="s")

    with pytest.raises(ArgumentMismatch, match=r"Sums\.run.*'numbers'"):
        await house.client.dispatch(stub.run, ["one"])
    with pytest.raises(ArgumentMismatch, match=r"Sums\.run"):
        await stub.run(count=3)

    with pytest.raises(WorkflowUnknown):
        await house.client.get("Sums", id="s").result(DEADLINE)


async def test_W09_the_result_is_there_after_completion_for_another_process(house: House) -> None:
    await house.open(Nothing)
    await house.call(Nothing, 7, id="n")
    await house.restart()

    said = await run_caller("result", house.url, "Nothing", "n")

    assert said["answer"] == 7


async def test_W10_the_result_of_an_unknown_id_is_answered_at_once(house: House) -> None:
    await house.open(Nothing)

    async with asyncio.timeout(AT_ONCE):
        with pytest.raises(WorkflowUnknown, match="nobody"):
            await house.client.get("Nothing", id="nobody").result(DEADLINE)


async def test_W11_two_hundred_parallel_tasks_give_their_results_in_order(house: House) -> None:
    await house.open(Many, services=(Adder(),))

    sums = await house.call(Many, 200)

    assert sums == [2 * number for number in range(200)]


class Mirror:
    async def look(self) -> dict[str, Any]:
        context = service.context()
        return {"tags": sorted(context.tags), "meta": dict(context.meta), "instance": context.instance}


@workflow.define
class Introspection:
    async def run(self) -> dict[str, Any]:
        me = workflow.info()
        seen = await workflow.task("Mirror.look", tags=me.tags, meta=me.meta)
        told = (me.workflow, me.id, me.run, me.method, me.method_id, me.version, sorted(me.tags), dict(me.meta))
        return {"told": told, "seen": seen}


async def test_W15_info_gives_ids_names_tags_and_meta_which_can_be_passed_on(house: House) -> None:
    await house.open(Introspection, services=(Mirror(),))
    handle = await house.start(Introspection, id="i", tags={"b", "a"}, meta={"tenant": "t1"})

    found = await handle.result(DEADLINE)

    run = (await house.describe(handle))["run"]
    assert found["told"] == ["Introspection", "i", run, "run", "main", 1, ["a", "b"], {"tenant": "t1"}]
    assert found["seen"] == {"tags": ["a", "b"], "meta": {"tenant": "t1"}, "instance": "i"}


@workflow.define
class Interpreter:
    """Runs programs of a small JSON language: a list of steps, each a task, a pause, or the result."""

    async def run(self, program: Sequence[Mapping[str, Any]]) -> Any:
        known: dict[str, Any] = {}
        for step in program:
            if "task" in step:
                arguments = {key: known.get(str(value), value) for key, value in step["arguments"].items()}
                known[step["as"]] = await workflow.task(step["task"], arguments)
            elif "pause" in step:
                await workflow.timer(step["pause"])
            else:
                return known[step["return"]]
        return None


async def test_W16_tasks_and_workflows_are_called_by_name_without_a_contract(house: House) -> None:
    await house.open(Interpreter, services=(Adder(),))
    program = [
        {"task": "Adder.add", "arguments": {"a": 1, "b": 2}, "as": "three"},
        {"pause": 0.01},
        {"task": "Adder.add", "arguments": {"a": "three", "b": "three"}, "as": "six"},
        {"return": "six"},
    ]

    handle = await house.client.new("Interpreter", id="i").dispatch("run", {"program": program})

    assert await house.remember(Interpreter, handle).result(DEADLINE) == 6
    assert await house.client.new("Interpreter", id="j").call("run", {"program": []}) is None


@workflow.define
class Asks:
    bench = workflow.service(Bench)

    async def run(self, word: str) -> str:
        return await self.bench.say(word)


async def test_W14_a_workflow_started_before_any_node_runs_when_one_appears(house: House) -> None:
    handle = await house.start(Asks, "early")

    await house.open(Asks, services=(SteeredBench(),))

    assert await handle.result(DEADLINE) == "early"
