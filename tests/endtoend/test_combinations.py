"""D: deferreds and asyncio, through the whole stack."""

from __future__ import annotations

import pytest

from leveret import Client
from tests.endtoend.audit import assert_sound
from tests.endtoend.house import House, until
from tests.endtoend.language import Combining, Plain

pytestmark = pytest.mark.usefixtures("inhabited")


async def test_D01_a_deferred_awaited_twice_gives_its_value_twice(client: Client) -> None:
    handle = await client.dispatch(client.new(Combining).twice)

    assert await handle.result(20) == [3, 3]
    await assert_sound(Combining, handle)


async def test_D05_combinations_of_combinations(client: Client) -> None:
    handle = await client.dispatch(client.new(Combining).nested)

    assert await handle.result(20) == [1, 2, "soon"]
    await assert_sound(Combining, handle)


async def test_D06_asyncio_runs_unmodified(client: Client) -> None:
    handle = await client.dispatch(client.new(Combining).asyncio_)

    assert await handle.result(20) == [[0, 1, 2, 3, 4], [100, 101, 102, -1, -2]]
    await assert_sound(Combining, handle)


async def test_D09_a_task_that_nobody_awaits_still_runs(client: Client, inhabited: House) -> None:
    handle = await client.dispatch(client.new(Plain).unwaited)

    assert await handle.result(20) == "done"
    await until(lambda: inhabited.effects("add")[handle.id] == 1, "the task runs")
    await assert_sound(Plain, handle)
