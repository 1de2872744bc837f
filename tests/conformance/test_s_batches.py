"""S05 · batches, called by workflows."""

from __future__ import annotations

from collections import Counter
from typing import Any, Protocol

import pytest

from leveret import service, workflow
from leveret.errors import TaskFailed
from leveret.service import Call, TaskId
from tests.conformance.house import House

LONG = 60.0
"""Seconds that no test waits: such batches begin because they are full."""


class Refused(Exception):
    pass


class Press(Protocol):
    async def double(self, number: int, /) -> int: ...
    async def keyed(self, number: int, /) -> list[int]: ...
    async def whole(self, number: int, /) -> int: ...
    async def forgets(self, number: int, /) -> int: ...
    async def note(self, number: int, /) -> None: ...


class BatchPress(Press):
    """Notes the arguments of each batch."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.tried: Counter[int] = Counter()

    @service.batch(max=10, seconds=LONG)
    async def double(self, calls: dict[TaskId, Call[int]]) -> dict[TaskId, int | Exception]:
        self._note(calls)
        return {
            task_id: Refused(f"no {call.argument}") if call.argument % 5 == 4 else 2 * call.argument
            for task_id, call in calls.items()
        }

    @service.batch(max=2, seconds=LONG, key=lambda call: call.meta.get("tenant"))
    async def keyed(self, calls: dict[TaskId, Call[int]]) -> dict[TaskId, list[int]]:
        """Return who was together, and who called."""
        assert len({call.meta["tenant"] for call in calls.values()}) == 1
        assert all(call.workflow == "Prints" and call.attempt == 1 for call in calls.values())
        together = sorted(call.argument for call in calls.values())
        return dict.fromkeys(calls, together)

    @service.batch(max=4, seconds=LONG)
    def whole(self, calls: dict[TaskId, Call[int]]) -> dict[TaskId, int]:
        self._note(calls)
        if any(call.argument == 0 for call in calls.values()):
            raise Refused("zero is among them")
        return {task_id: call.argument for task_id, call in calls.items()}

    @service.batch(max=2, seconds=LONG)
    async def forgets(self, calls: dict[TaskId, Call[int]]) -> dict[TaskId, int]:
        return {task_id: call.argument for task_id, call in calls.items() if call.argument}

    @service.batch(max=3, seconds=0.05)
    async def note(self, calls: dict[TaskId, Call[int]]) -> None:
        self._note(calls)

    def _note(self, calls: dict[TaskId, Call[int]]) -> None:
        self.batches.append(sorted(call.argument for call in calls.values()))
        self.tried.update(call.argument for call in calls.values())


@workflow.define
class Prints:
    press = workflow.service(Press)
    of_a = workflow.service(Press, meta={"tenant": "a"})
    of_b = workflow.service(Press, meta={"tenant": "b"})

    async def run(self, task: str, numbers: list[int]) -> list[Any]:
        running = [workflow.dispatch(getattr(self.press, task), number) for number in numbers]
        return [await self._ended(one) for one in running]

    async def keyed(self) -> list[Any]:
        stubs = [self.of_a, self.of_b] * 2
        return await workflow.all_of([workflow.dispatch(stub.keyed, n) for n, stub in enumerate(stubs)])

    async def _ended(self, running: Any) -> Any:
        try:
            return await running
        except TaskFailed as failed:
            return failed.failure.message


async def test_S05_batches_fill_and_each_call_ends_by_itself(house: House) -> None:
    press = BatchPress()
    await house.open(Prints, services=(press,))

    found = await house.call(Prints, "double", list(range(20)))

    assert found == [f"no {n}" if n % 5 == 4 else 2 * n for n in range(20)]
    assert [len(batch) for batch in press.batches] == [10, 10]


async def test_S05_a_batch_holds_what_has_the_same_key_also_from_meta(house: House) -> None:
    await house.open(Prints, services=(BatchPress(),))

    assert await house.call(Prints, method="keyed") == [[0, 2], [1, 3], [0, 2], [1, 3]]


async def test_S05_a_failing_batch_is_run_again_one_by_one(house: House) -> None:
    press = BatchPress()
    await house.open(Prints, services=(press,))

    found = await house.call(Prints, "whole", [0, 1, 2, 3])

    assert found == ["zero is among them", 1, 2, 3]
    assert press.batches[0] == [0, 1, 2, 3]
    assert sorted(press.batches[1:]) == [[0], [1], [2], [3]]


async def test_S05_a_call_without_a_value_fails_by_name(house: House) -> None:
    await house.open(Prints, services=(BatchPress(),))

    found = await house.call(Prints, "forgets", [0, 1], id="f")

    (journal_id,) = {found[0].rpartition(" ")[2].rpartition(".")[0]}
    assert found == [f"Press.forgets returned dict without a value for {journal_id}.1", 1]


@pytest.mark.parametrize("count", [1, 3])
async def test_S05_a_function_without_results_completes_all_by_count_and_by_time(house: House, count: int) -> None:
    press = BatchPress()
    await house.open(Prints, services=(press,))

    assert await house.call(Prints, "note", list(range(count))) == [None] * count
    assert sorted(n for batch in press.batches for n in batch) == list(range(count))
