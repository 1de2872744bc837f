"""Each test on each transport, in a namespace of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.servers import RabbitServer, RedisServer


@pytest.fixture(params=["memory", "sqlite", "servers"])
def url(request: pytest.FixtureRequest, namespace: str, tmp_path: Path) -> str:
    """One URL, which several nodes and clients of a test may open."""
    if request.param == "memory":
        return f"memory://{namespace}"
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'events.db'}?ns={namespace}"
    rabbit: RabbitServer = request.getfixturevalue("rabbit")
    redis: RedisServer = request.getfixturevalue("redis_server")
    return f"{rabbit.url}?store={redis.url}&ns={namespace}"
