"""A broker that restarts under commands: each has its effect once, and the router comes back by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from leveret import Client
from tests.endtoend.house import House
from tests.servers import RabbitServer, RedisServer

pytestmark = [pytest.mark.kills_servers, pytest.mark.slow]


@pytest.fixture
def house(own_rabbit: RabbitServer, own_redis: RedisServer, namespace: str) -> Iterator[House]:
    """A fresh namespace on servers to mistreat."""
    with House(f"{own_rabbit.url}?store={own_redis.url}&ns={namespace}") as house:
        yield house


async def test_commands_outlive_a_broker_that_restarts(house: House, client: Client, own_rabbit: RabbitServer) -> None:
    names = [f"t{number}" for number in range(20)]
    node = await house.serving("mailroom")
    for one in names:
        body = {"id": one, "method": "run", "arguments": {"count": 100}, "tags": [one]}
        await client.publish("start.Tally", body, message_id=one)

    async def signal(one: str) -> None:
        for number in range(100):
            await client.publish("signal.Tally.steps", {"tag": one, "value": number}, message_id=f"{one}.{number}")

    signals = asyncio.gather(*map(signal, names))
    assert (await client.request("call.Tally.total", {"id": names[0]}, timeout=60))["status"] == "completed"
    await asyncio.to_thread(own_rabbit.settle)
    await asyncio.to_thread(own_rabbit.restart)
    await signals

    for one in names:
        assert await client.result(client.get("Tally", id=one), timeout=60) == list(range(100))
    assert node.code is None
