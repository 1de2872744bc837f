"""Signal 9 at each place in the life of a lease: the workflow gets one result, and no more runs than must."""

from __future__ import annotations

import asyncio

import pytest

from leveret import Client, Handle
from leveret_actors.store.leases import Lease
from tests.endtoend.audit import assert_nothing_left, assert_sound, opened
from tests.endtoend.house import PATIENCE, House
from tests.endtoend.voyages import Fleet, Voyage

pytestmark = pytest.mark.slow
RUNS = {"before-lease": 2, "after-lease": 2, "after-renewal": 2, "after-finish": 1, "after-tell": 1}
"""How often a task is begun whose worker dies there; once what follows is stored, it is not begun again."""
ASKED = {"before-delegation": 2, "after-delegation": 1}


async def lease(house: House, status: str) -> Lease:
    """Wait until the only task has a lease in this state."""
    async with opened(house.url) as (_, store), asyncio.timeout(PATIENCE):
        while not [one for one in await store.leases("", 10) if one.status == status]:
            await asyncio.sleep(0.02)
        (found,) = await store.leases("", 10)
        return found


async def assert_well(house: House, *handles: Handle[int]) -> None:
    await assert_sound(Voyage, *handles)
    assert await house.nodes[-1].stop() == 0
    await assert_nothing_left(house.url, "Voyage")


@pytest.mark.parametrize("point", RUNS)
async def test_S09_a_worker_killed_over_a_lease_leaves_one_result(house: House, client: Client, point: str) -> None:
    doomed = house.node("voyages", fault=point)
    handle = await client.dispatch(client.new(Voyage).run, 7)
    if RUNS[point] == 1:
        await lease(house, "running")
        house.open_gate()
    assert await doomed.ended() == -9, doomed.log
    house.open_gate()

    await house.serving("voyages")

    assert await handle.result(PATIENCE) == 14
    assert (house.effects("sails").total(), house.effects("landed").total()) == (RUNS[point], 1)
    await assert_well(house, handle)


@pytest.mark.parametrize("point", ASKED)
async def test_S06_a_worker_killed_while_it_hands_a_task_over_leaves_it_open(
    house: House, client: Client, point: str
) -> None:
    doomed = house.node("voyages", fault=point)
    handle = await client.dispatch(client.new(Voyage).advised, 7)
    assert await doomed.ended() == -9, doomed.log

    await house.serving("voyages")
    delegated = await lease(house, "delegated")
    done = await client.complete_task(Fleet, delegated.task, 70, timeout=PATIENCE)

    assert await handle.result(PATIENCE) == 70
    assert (done.count, house.effects("asked").total()) == (1, ASKED[point])
    await assert_well(house, handle)


async def test_S06_a_worker_killed_between_a_completion_and_its_result_leaves_one_result(
    house: House, client: Client
) -> None:
    doomed = house.node("voyages", fault="after-settlement")
    handle = await client.dispatch(client.new(Voyage).advised, 7)
    delegated = await lease(house, "delegated")
    completing = asyncio.create_task(client.complete_task(Fleet, delegated.task, 70, timeout=PATIENCE))
    assert await doomed.ended() == -9, doomed.log

    await house.serving("voyages")

    assert await handle.result(PATIENCE) == 70
    assert (await completing).text == f"task {delegated.task} is settled already"
    assert house.effects("asked").total() == 1
    await assert_well(house, handle)
