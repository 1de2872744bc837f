"""Commands to a tag that many carry, while nodes die by signal 9: each instance exactly once, in order."""

from __future__ import annotations

import pytest

from leveret import Client
from leveret_actors.cli.tagged import tagged
from leveret_actors.tag.lookup import PAGE
from tests.bench.tags import Run
from tests.endtoend import crowd
from tests.endtoend.audit import opened
from tests.endtoend.crowd import END, TAG
from tests.endtoend.house import House, until

FEW = 2 * PAGE + 300
"""Members: three pages."""
MANY = 6_000
PATIENCE = 400.0


async def all_have_run(house: House, count: int) -> None:
    """Wait until all instances wait for a word."""

    async def yes() -> bool:
        return await crowd.how_many(house.url, "running") == count

    await until(yes, f"{count} instances run", PATIENCE)


async def all_have_left(house: House) -> None:
    """Wait until nobody carries the tag."""
    async with opened(house.url) as (transport, store):
        await until(lambda: crowd.is_empty(transport, store), "all have left", PATIENCE)


DEATHS = {"in-fan-out": (2, 2), "between-publishes": (2, 1)}
"""How often nodes, one after another, get to a point before they die."""
CASES = [("sqlite", "in-fan-out"), *(("rabbitmq", point) for point in DEATHS)]


@pytest.mark.parametrize(("house", "point"), CASES, indirect=["house"])
async def test_T02_nodes_killed_in_the_middle_of_a_fan_out_reach_each_once_and_in_order(
    house: House, client: Client, point: str
) -> None:
    host = await house.serving("crowd")
    await crowd.gather_crowd(client, FEW)
    await all_have_run(house, FEW)
    await host.kill()

    await crowd.tell(client, "one", "two")
    for count in DEATHS[point]:
        doomed = house.node("crowd", fault=f"{point}:{count}")
        assert await doomed.ended() == -9, doomed.log
    if point == "in-fan-out":
        async with opened(house.url) as (transport, store):
            found = await tagged(transport, store, "Crowd", TAG, ["running"], 10)
        assert (found.count, len(found.rows), found.under_way[0].what) == (FEW, 10, "signal")
        assert 0 < found.under_way[0].sent < FEW
    await house.serving("crowd")
    await crowd.tell(client, END)
    await all_have_left(house)

    assert await crowd.results(house.url) == {("one", "two"): FEW}


@pytest.mark.slow
async def test_T02_thousands_are_signalled_retried_and_cancelled_once_each_while_the_node_is_killed(
    house: House,
) -> None:
    await Run(house, MANY).whole()
