"""What is left of a bridge that was taken out can be removed; a plain pika publisher feeds it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from leveret import Client
from leveret.url import Url
from leveret_actors.backends import backends
from leveret_actors.bridge.removing import remove
from leveret_broker.errors import ConfigurationError
from tests.bridge.foreign import Shop
from tests.bridge.shop import Order
from tests.bridge.test_bridges import paid, serving
from tests.endtoend.house import until
from tests.servers import RabbitServer

ROOT = Path(__file__).parents[2]


async def test_a_plain_pika_publisher_in_a_process_of_its_own_is_heard_in_order_and_once(
    url: str, shop: Shop, client: Client, rabbit: RabbitServer
) -> None:
    handle = await client.dispatch(client.new(Order, tags={"orderId:7"}).run)
    async with serving(url, shop, paid(shop)):
        publisher = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.bridge.pika_publisher", rabbit.url, shop.exchange_name, "order.paid", "20",
            cwd=ROOT,
        )  # fmt: skip
        assert await publisher.wait() == 0
        seen = await handle.result(timeout=30)

    assert [one["n"] for one in seen[1:]] == list(range(20))


async def test_the_queue_of_a_bridge_is_removed_once_nobody_reads_it_and_nothing_waits(url: str, shop: Shop) -> None:
    queue = f"{url.rpartition('ns=')[2]}.bridge.paid"
    transport, _ = backends(Url.parse(url))
    await transport.open()
    try:
        async with serving(url, shop, paid(shop)):
            with pytest.raises(ConfigurationError, match="a node runs the bridge 'paid'"):
                await remove(transport, "paid")
        await shop.publish("order.paid", {"order_id": 7})

        async def waits() -> bool:
            return await shop.waiting(queue) == 1

        await until(waits, "the message waits")
        with pytest.raises(ConfigurationError, match="1 messages wait"):
            await remove(transport, "paid")
        assert await remove(transport, "paid", force=True) == 1
        with pytest.raises(ConfigurationError, match="no queue of a bridge 'paid'"):
            await remove(transport, "paid")
    finally:
        await transport.close()


@pytest.mark.parametrize("scheme", ["memory://bridgeless", "sqlite:///{}"])
async def test_without_rabbitmq_there_is_nothing_to_remove(scheme: str, tmp_path: Path) -> None:
    transport, _ = backends(Url.parse(scheme.format(tmp_path / "a.db")))
    await transport.open()
    try:
        with pytest.raises(ConfigurationError, match="no queue of a bridge 'paid'"):
            await remove(transport, "paid")
    finally:
        await transport.close()
