"""Every test runs on both: one SQLite file, and RabbitMQ with Redis."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator

import pytest

from leveret import Client
from tests.endtoend.house import House
from tests.servers import RabbitServer, RedisServer


def url_of(backend: str, request: pytest.FixtureRequest) -> str:
    """Return the URL of a namespace nobody used before."""
    namespace = f"t{secrets.token_hex(5)}"
    if backend == "sqlite":
        return f"sqlite:///{{folder}}/house.db?ns={namespace}"
    rabbit: RabbitServer = request.getfixturevalue("rabbit")
    redis: RedisServer = request.getfixturevalue("redis_server")
    return f"{rabbit.url}?store={redis.url}&ns={namespace}"


@pytest.fixture(params=["sqlite", "rabbitmq"])
def house(request: pytest.FixtureRequest) -> Iterator[House]:
    """A fresh namespace on each backend, nobody in it."""
    with House(url_of(request.param, request)) as house:
        yield house


@pytest.fixture(params=["sqlite", "rabbitmq"], scope="module")
def inhabited(request: pytest.FixtureRequest) -> Iterator[House]:
    """One namespace for a module, with a node that hosts everything: its tests share queues, not ids."""
    with House(url_of(request.param, request)) as house:
        asyncio.run(house.serving("shop", "language"))
        yield house


@pytest.fixture
async def client(request: pytest.FixtureRequest) -> AsyncIterator[Client]:
    """A client in the test's own process."""
    house: House = request.getfixturevalue("inhabited" if "inhabited" in request.fixturenames else "house")
    async with Client(house.url) as client:
        yield client
