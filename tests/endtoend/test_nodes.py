"""Several nodes of one namespace: killed under load, stopped gracefully."""

from __future__ import annotations

import asyncio

from leveret import Client
from tests.endtoend.audit import assert_nothing_left, assert_sound
from tests.endtoend.house import House, until
from tests.endtoend.load import Load
from tests.endtoend.shop import Lingering, Order


async def test_of_two_nodes_one_is_killed_three_times_under_load_and_nothing_is_lost_or_doubled(
    house: House, client: Client
) -> None:
    load = Load(client)
    nodes = [await house.serving(), await house.serving()]

    for _ in range(3):
        before = len(load.handles)
        await load.start(25)
        await load.approve(before)
        await until(lambda: len(house.effects("reserve")) > before + 5, "the new orders are under way")  # noqa: B023
        await nodes.pop(0).kill()
        nodes.append(house.node())
    results = await load.results()

    assert results == load.expected
    assert set(house.effects("reserve")) == set(house.effects("charge")) == load.ids
    await assert_sound(Order, *load.handles)
    for node in nodes:
        await node.says(" serves ")  # the youngest may still be on its way to its handler of SIGTERM
    assert [await node.stop() for node in nodes] == [0, 0]
    await assert_nothing_left(house.url, "Order")


async def test_S11_sigterm_lets_running_tasks_finish_and_nothing_is_executed_twice(
    house: House, client: Client
) -> None:
    node = await house.serving()
    handles = await asyncio.gather(*(client.dispatch(client.new(Lingering).run, number) for number in range(5)))
    await until(lambda: house.effects("lingers").total() == 5, "all tasks run")
    stopping = asyncio.create_task(node.stop())
    await node.says("SIGTERM, stopping")
    late = await client.dispatch(client.new(Lingering).run, 5)
    house.open_gate()

    assert await stopping == 0
    assert house.effects("lingered").total() == 5
    await house.serving()
    results = await asyncio.gather(*(handle.result(20) for handle in [*handles, late]))

    assert results == [0, 1, 2, 3, 4, 5]
    assert set(house.effects("lingers").values()) == set(house.effects("lingered").values()) == {1}
    await assert_sound(Lingering, *handles, late)


async def test_nodes_stopped_gracefully_under_load_execute_nothing_twice(house: House, client: Client) -> None:
    load = Load(client)
    await load.start(30)
    await load.approve()

    for part in (5, 15):
        node = await house.serving()
        await until(lambda: len(house.effects("reserve")) >= part, "some orders are under way")  # noqa: B023
        assert await node.stop() == 0, node.log
    await house.serving()
    results = await load.results()

    assert results == load.expected
    assert house.losses() == [], "a lost connection, not the stop, may run a task twice"
    assert set(house.effects("reserve").values()) == set(house.effects("charge").values()) == {1}
    await assert_sound(Order, *load.handles)
