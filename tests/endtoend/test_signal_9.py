"""Signal 9 at each fault point: every order ends right, each event stands once, each result counts once."""

from __future__ import annotations

import pytest

from leveret import Client
from tests.endtoend.audit import assert_nothing_left, assert_sound
from tests.endtoend.house import House
from tests.endtoend.load import Load
from tests.endtoend.shop import Order

POINTS = {  # and how often nodes, one after another, get there before they die
    "after-take": (1, 6, 20),
    "after-decide": (1, 6),  # a third death while deciding may rightly block who was decided
    "after-commit": (1, 6, 20),
    "after-acknowledge": (1, 6, 20),
    "between-publishes": (1, 4, 12),
    "before-settle": (1, 2, 4),
}
ON_SQLITE = ("after-take", "after-decide", "after-commit")
"""SQLite commits, acknowledges and publishes in one transaction."""
CASES = [*(("rabbitmq", point) for point in POINTS), *(("sqlite", point) for point in ON_SQLITE)]


@pytest.mark.parametrize(("house", "point"), CASES, indirect=["house"])
async def test_nodes_killed_at_a_fault_point_one_after_another_lose_and_double_nothing(
    house: House, client: Client, point: str
) -> None:
    load = Load(client)

    for count in POINTS[point]:
        doomed = house.node(fault=f"{point}:{count}")
        before = len(load.handles)
        await load.start(15)
        await load.approve(before)
        assert await doomed.ended() == -9, doomed.log
    survivor = house.node()
    results = await load.results()

    assert results == load.expected
    assert set(house.effects("reserve")) == set(house.effects("charge")) == load.ids
    await assert_sound(Order, *load.handles)
    assert [member async for member in client.members(client.all(Order, tag="all"))] == []
    assert await survivor.stop() == 0
    await assert_nothing_left(house.url, "Order")
