"""Broker and store killed with signal 9 under load: nodes and clients come back by themselves."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from leveret import Client
from tests.endtoend.audit import assert_nothing_left, assert_sound
from tests.endtoend.house import House, until
from tests.endtoend.load import Load
from tests.endtoend.shop import Order
from tests.servers import RabbitServer, RedisServer

pytestmark = pytest.mark.kills_servers


@pytest.fixture
def house(own_rabbit: RabbitServer, own_redis: RedisServer, namespace: str) -> Iterator[House]:
    """A fresh namespace on servers to mistreat."""
    with House(f"{own_rabbit.url}?store={own_redis.url}&ns={namespace}") as house:
        yield house


@pytest.mark.parametrize(
    "killed", [pytest.param("rabbit", marks=pytest.mark.slow), pytest.param("redis", marks=pytest.mark.slow), "both"]
)
async def test_servers_killed_under_load_lose_and_double_nothing(
    house: House, client: Client, own_rabbit: RabbitServer, own_redis: RedisServer, killed: str
) -> None:
    load = Load(client)
    nodes = [await house.serving(), await house.serving()]
    await load.start(20)
    await load.approve()
    await load.results()
    before = len(house.effects("reserve"))
    await asyncio.to_thread(own_rabbit.settle)

    await load.start(40)
    results = asyncio.create_task(load.results())
    await until(lambda: len(house.effects("reserve")) > before + 5, "the new orders are under way")
    servers: list[RabbitServer | RedisServer] = [own_rabbit] if killed != "redis" else []
    servers += [own_redis] if killed != "rabbit" else []
    for server in servers:
        server.kill()
    approving = asyncio.create_task(load.approve(before))
    await asyncio.gather(*(asyncio.to_thread(server.start) for server in servers))
    await approving

    assert await results == load.expected
    assert [node.code for node in nodes] == [None, None]
    assert set(house.effects("reserve")) == set(house.effects("charge")) == load.ids
    await assert_sound(Order, *load.handles)
    assert [await node.stop() for node in nodes] == [0, 0]
    await assert_nothing_left(house.url, "Order")


async def test_a_node_waits_for_a_broker_that_is_not_up_with_one_line_per_attempt(
    house: House, own_rabbit: RabbitServer
) -> None:
    own_rabbit.stop()
    node = house.node()
    await until(lambda: len(node.log.splitlines()) >= 3, "it has tried three times")
    lines = node.log.splitlines()

    await asyncio.to_thread(own_rabbit.start)
    await node.says(" serves ")

    assert all(str(own_rabbit.port) in line for line in lines[:3]), lines
    assert "Traceback" not in node.log
    async with Client(house.url) as client:
        load = Load(client)
        await load.start(3)
        await load.approve()
        assert await load.results() == load.expected
