"""RabbitMQ with Redis, a shop that publishes, and a client."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from loguru import logger

from leveret import Client
from leveret.url import Url
from leveret_actors.backends import backends
from leveret_actors.store.contract import Store
from tests.bridge.foreign import Shop
from tests.servers import RabbitServer, RedisServer


@pytest.fixture
def url(rabbit: RabbitServer, redis_server: RedisServer, namespace: str) -> str:
    return f"{rabbit.url}?store={redis_server.url}&ns={namespace}"


@pytest.fixture
async def shop(rabbit: RabbitServer, namespace: str) -> AsyncIterator[Shop]:
    async with Shop(rabbit.url, f"shop-{namespace}") as shop:
        await shop.declare()
        yield shop


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    _, store = backends(Url.parse(url))
    await store.open()
    yield store
    await store.close()


@pytest.fixture
async def client(url: str) -> AsyncIterator[Client]:
    async with Client(url) as client:
        yield client


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """What the nodes of this process log, debugging apart."""
    said: list[str] = []
    logger.enable("leveret_actors")
    sink = logger.add(said.append, level="INFO", format="{message}")
    yield said
    logger.remove(sink)
