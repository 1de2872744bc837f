"""Bridges whose nodes are killed: every event has its effect once, in order; what is held stays held."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from leveret import Client
from leveret_actors.store.contract import Store
from tests.bridge.foreign import Shop
from tests.bridge.holding import nobody_took
from tests.bridge.shop import Order
from tests.bridge.test_bridges import paid, serving
from tests.endtoend.house import House, Process, until
from tests.servers import RabbitServer, RedisServer

RULE = """
url = "{url}"
[node]
workflows = ["tests.bridge.shop:Order"]
[[bridge]]
name = "paid"
exchange = "{exchange}"
keys = ["order.paid"]
signal = "Order.paid"
tag = "orderId:{{$.order_id}}"
on_no_match = "{policy}"
"""


class Nodes:
    """Node processes that have one bridge."""

    def __init__(self, url: str, shop: Shop, policy: str) -> None:
        self.house = House(url)
        self._file = Path(self.house.folder) / "leveret.toml"
        self._file.write_text(RULE.format(url=url, exchange=shop.exchange_name, policy=policy))

    async def start(self) -> Process:
        node = self.house.command("node", "--config", str(self._file))
        await node.says("reads the exchange")
        return node


@pytest.fixture
def nodes(url: str, shop: Shop, request: pytest.FixtureRequest) -> Iterator[Nodes]:
    nodes = Nodes(url, shop, request.param)
    with nodes.house:
        yield nodes


@pytest.mark.parametrize("nodes", ["hold"], indirect=True)
async def test_what_is_held_stays_held_in_order_when_its_node_is_killed(
    shop: Shop, client: Client, store: Store, nodes: Nodes
) -> None:
    first = await nodes.start()
    for number in range(10):
        await shop.publish("order.paid", {"order_id": 7, "n": number}, message_id=f"m{number}")
    await until(lambda: nobody_took(store, 10), "the signals are held")
    await first.kill()
    await shop.publish("order.paid", {"order_id": 7, "n": 10}, message_id="m10")
    await shop.publish("order.paid", {"order_id": 7, "n": 3}, message_id="m3")
    await nodes.start()
    await shop.publish("order.paid", {"order_id": 7, "last": True}, message_id="end")
    handle = await client.dispatch(client.new(Order, tags={"orderId:7"}).run)
    seen = await handle.result(timeout=60)

    assert [one.get("n") for one in seen[1:]] == [*range(11), None]


@pytest.mark.slow
@pytest.mark.parametrize("nodes", ["drop", "hold"], indirect=True)
async def test_events_of_many_orders_are_told_once_and_in_order_over_killed_nodes(
    shop: Shop, client: Client, nodes: Nodes
) -> None:
    orders = [await client.dispatch(client.new(Order, tags={f"orderId:{order}"}).run) for order in range(10)]
    events = [(order, number) for number in range(40) for order in range(10)]
    chance = random.Random(7)
    living = [await nodes.start(), await nodes.start()]

    for sent, (order, number) in enumerate(events):
        body = {"order_id": order, "n": number, "last": number == 39}
        await shop.publish("order.paid", body, message_id=f"{order}-{number}")
        if chance.random() < 0.05:  # a publisher that repeats itself
            await shop.publish("order.paid", body, message_id=f"{order}-{number}")
        if sent in {100, 250}:
            await living.pop(0).kill()
            living.append(nodes.house.command("node", "--config", str(nodes._file)))
    told = [await handle.result(timeout=60) for handle in orders]

    assert [[one["n"] for one in seen[1:]] for seen in told] == [list(range(40))] * 10


@pytest.mark.slow
@pytest.mark.kills_servers
async def test_a_bridge_goes_on_after_a_restart_of_the_broker(
    own_rabbit: RabbitServer, redis_server: RedisServer, namespace: str
) -> None:
    url = f"{own_rabbit.url}?store={redis_server.url}&ns={namespace}"
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(Client(url))
        shop = await stack.enter_async_context(Shop(own_rabbit.url, f"shop-{namespace}"))
        await shop.declare()
        await stack.enter_async_context(serving(url, shop, paid(shop)))
        handle = await client.dispatch(client.new(Order, tags={"orderId:7"}).run)
        await shop.publish("order.paid", {"order_id": 7, "n": 1}, message_id="m1")

        await asyncio.to_thread(own_rabbit.settle)
        await asyncio.to_thread(own_rabbit.restart)
        async with Shop(own_rabbit.url, f"shop-{namespace}") as again:
            await again.declare()
            await again.publish("order.paid", {"order_id": 7, "n": 1}, message_id="m1")
            await again.publish("order.paid", {"order_id": 7, "last": True}, message_id="m2")
            seen = await handle.result(timeout=60)

    assert [one.get("n") for one in seen[1:]] == [1, None]
