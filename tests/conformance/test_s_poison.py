"""S · services: a task that kills its workers is found, and kept; those beside it are not blamed."""

from __future__ import annotations

import asyncio
from itertools import cycle
from typing import Final

from leveret import Handle
from leveret_actors.dead_letters import DeadLetters
from tests.conformance.host import FOUND_OUT_SOON
from tests.conformance.house import DEADLINE, House
from tests.conformance.poison import EmploysFragile, Fragile
from tests.conformance.processes import start_host

NEIGHBOURS: Final = 6
DEATHS: Final = 2 + FOUND_OUT_SOON.deaths
"""Two of which nobody knows whose fault they are, and those under a lease."""


async def kill_workers(house: House, handle: Handle[str]) -> list[int]:
    """Let workers die, in each way that there is, until the workflow is told; return how they ended."""
    codes: list[int] = []
    told = asyncio.create_task(house.status(handle, "failed"))
    for way in cycle(("exit", "kill", "segfault")):
        process = await start_host("fragile", house.url, way)
        dead = asyncio.create_task(process.wait())
        await asyncio.wait({dead, told}, return_when=asyncio.FIRST_COMPLETED)
        if told.done():
            process.kill()
            await dead
            return codes
        codes.append(await dead)
    raise AssertionError


async def test_S09_a_task_that_kills_its_workers_is_a_dead_letter_and_its_neighbours_end_well(house: House) -> None:
    await house.open(EmploysFragile, leases=FOUND_OUT_SOON)
    handle = await house.start(EmploysFragile, NEIGHBOURS)

    codes = await kill_workers(house, handle)
    letters = await house.dead_letters(1)
    description = await house.status(handle, "failed")

    assert codes[:3] == [9, -9, -11]
    assert abs(len(codes) - DEATHS) <= 1  # on a busy machine a living one may have been silent for too long
    assert [letter.reason for letter in letters] == ["3 workers died, or fell silent, while they ran it"]
    assert "DeadLettered" in str(description)
    async with DeadLetters(house.url) as found:
        await house.stop()
        await house.open(EmploysFragile, services=(Fragile(),))
        (replayed,) = [one async for one in found.replay(timeout=DEADLINE)]
    assert replayed.sent
    assert await handle.result(DEADLINE) == "survived, 15"
