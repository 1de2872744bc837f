"""A retry that waits in the ladder while everything around it dies."""

from __future__ import annotations

import asyncio
import time

import pytest

from leveret import Client, service, workflow
from leveret.retry import Retry
from leveret_actors import Node
from tests.servers import RabbitServer, RedisServer

pytestmark = pytest.mark.kills_servers

DELAY = 5.0


class Late:
    def __init__(self, attempts: list[tuple[int, float]]) -> None:
        self.attempts = attempts

    @service.task(retry=Retry(initial=DELAY, jitter=0, attempts=2))
    async def back(self) -> int:
        attempt = service.context().attempt
        self.attempts.append((attempt, time.time()))
        if attempt == 1:
            raise ConnectionError("the line is down")
        return attempt


@workflow.define
class Waits:
    late = workflow.service(Late)

    async def run(self) -> int:
        return await self.late.back()


async def test_a_retry_comes_once_though_broker_and_store_are_killed_and_its_node_stops_meanwhile(
    own_rabbit: RabbitServer, own_redis: RedisServer, namespace: str
) -> None:
    url = f"{own_rabbit.url}?store={own_redis.url}&ns={namespace}"
    attempts: list[tuple[int, float]] = []
    async with Node(url, workflows=[Waits], services=[Late(attempts)]), Client(url) as client:
        handle = await client.dispatch(client.new(Waits).run)
        async with asyncio.timeout(30):
            while not attempts:
                await asyncio.sleep(0.01)
        await asyncio.to_thread(own_rabbit.settle)

    for server in (own_rabbit, own_redis):
        server.kill()
        await asyncio.to_thread(server.start)
    async with Node(url, workflows=[Waits], services=[Late(attempts)]), Client(url) as client:
        result = await client.get("Waits", id=handle.id).result(60)

    assert result == 2
    (first, failed_at), (second, tried_at) = attempts
    assert (first, second) == (1, 2)
    assert tried_at - failed_at >= DELAY - 0.05
