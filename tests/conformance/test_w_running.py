"""W · running a workflow."""

from __future__ import annotations

import asyncio

from leveret import workflow
from tests.conformance.house import House


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


async def test_W11_two_hundred_parallel_tasks_give_their_results_in_order(house: House) -> None:
    await house.open(Many, services=(Adder(),))

    sums = await house.call(Many, 200)

    assert sums == [2 * number for number in range(200)]
