"""The one fixture of the conformance tests: the same house on both transports."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from leveret import Client
from tests.conformance.house import House
from tests.servers import RabbitServer, RedisServer


@pytest.fixture(params=["embedded", "servers"])
def url(request: pytest.FixtureRequest, namespace: str, tmp_path: Path) -> str:
    """One SQLite file, or RabbitMQ and Redis; a namespace that nobody else uses."""
    if request.param == "embedded":
        return f"sqlite:///{tmp_path / 'house.db'}?ns={namespace}"
    rabbit: RabbitServer = request.getfixturevalue("rabbit")
    redis: RedisServer = request.getfixturevalue("redis_server")
    return f"{rabbit.url}?store={redis.url}&ns={namespace}"


@pytest.fixture
async def house(url: str) -> AsyncGenerator[House]:
    """A house without a node; at the end every instance that was started must replay as it ran."""
    async with Client(url) as client:
        house = House(url, client)
        try:
            yield house
            await house.replay()
        finally:
            await house.close()
