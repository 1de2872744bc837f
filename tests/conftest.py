"""The servers every test may ask for. A test that ends or stops one takes `own_rabbit` or `own_redis`."""

import secrets
from collections.abc import Iterator

import pytest
from loguru import logger

from tests.servers import RabbitServer, RedisServer


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Whatever a test asked to hear, the next one starts with a library that says nothing."""
    yield
    for package in ("leveret", "leveret_actors", "leveret_broker"):
        logger.disable(package)


@pytest.fixture
def namespace() -> str:
    """A prefix nobody used before: tests share servers, not names."""
    return f"t{secrets.token_hex(5)}"


@pytest.fixture(scope="session")
def rabbit() -> Iterator[RabbitServer]:
    """The RabbitMQ of this session, started when first asked for."""
    with RabbitServer() as server:
        yield server


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """The Redis of this session, started when first asked for."""
    with RedisServer() as server:
        yield server


@pytest.fixture(scope="module")
def _module_rabbit() -> Iterator[RabbitServer]:
    with RabbitServer() as server:
        yield server


@pytest.fixture(scope="module")
def _module_redis() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture
def own_rabbit(_module_rabbit: RabbitServer) -> RabbitServer:
    """A RabbitMQ to mistreat: only this module's, running at the start of each test."""
    return _module_rabbit.start()


@pytest.fixture
def own_redis(_module_redis: RedisServer) -> RedisServer:
    """A Redis to mistreat: only this module's, running at the start of each test."""
    return _module_redis.start()
