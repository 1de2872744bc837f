"""What a hundred thousand instances that wait cost a node."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from leveret import Client
from tests.bench.hello import Waiter
from tests.endtoend.house import House, Process

INSTANCES = 100_000
WINDOW = 2_000
LIMIT = 500
"""MiB."""


def peak(node: Process) -> float:
    """Return the most memory a process ever had, in MiB."""
    lines = Path(f"/proc/{node.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))


async def in_windows(one: Callable[[int], Awaitable[object]], numbers: range) -> AsyncIterator[int]:
    """Do something for many numbers, some at a time; yields how many are done."""
    for start in range(numbers.start, numbers.stop, WINDOW):
        await asyncio.gather(*(one(number) for number in range(start, min(start + WINDOW, numbers.stop))))
        yield start + WINDOW


@pytest.fixture
def house() -> House:
    return House("sqlite:///{folder}/house.db?ns=idle")


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_a_node_with_100_000_waiting_instances_stays_under_500_mib_and_they_answer_after_a_restart(
    house: House, record_property: Callable[[str, object], None]
) -> None:
    with house:
        async with Client(house.url) as client:
            node = await house.serving("waiters")

            async def start(number: int) -> None:
                await client.dispatch(client.new(Waiter, id=f"w{number}").run, number)

            async for done in in_windows(start, range(INSTANCES)):
                await client.describe(client.get(Waiter, id=f"w{done - 1}"), 60)  # not too far ahead of the node
            for number in range(INSTANCES - 100, INSTANCES):
                description = await client.describe(client.get(Waiter, id=f"w{number}"), 120)
                assert description.data["status"] == "running"
            first = peak(node)
            await node.kill()

            node = await house.serving("waiters")
            numbers = range(0, INSTANCES, INSTANCES // 200)
            for number in numbers:
                await client.get(Waiter, id=f"w{number}").never.send("now")
            results = await asyncio.gather(
                *(client.result(client.get(Waiter, id=f"w{number}"), 120) for number in numbers)
            )
            second = peak(node)

    record_property("peak_mib", (first, second))
    print(f"\npeak: {first:.0f} MiB with {INSTANCES} started, {second:.0f} MiB after the restart")
    assert results == [f"{number} now" for number in numbers]
    assert first < LIMIT
    assert second < LIMIT
