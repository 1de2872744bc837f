import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from leveret_broker.embedded.database import Database
from leveret_broker.embedded.memory import MemoryTransport
from leveret_broker.embedded.sqlite import SqliteTransport
from leveret_broker.rabbitmq import RabbitTransport
from leveret_broker.transport import Transport
from tests.servers import RabbitServer
from tests.transport.harness import Connect


def _memory(request: pytest.FixtureRequest, namespace: str) -> Callable[[], Transport]:
    return lambda: MemoryTransport(f"hub-{namespace}", namespace)


def _sqlite(request: pytest.FixtureRequest, namespace: str) -> Callable[[], Transport]:
    folder: Path = request.getfixturevalue("tmp_path")
    return lambda: SqliteTransport(Database(folder / "broker.db"), namespace)


def _rabbitmq(request: pytest.FixtureRequest, namespace: str) -> Callable[[], Transport]:
    server: RabbitServer = request.getfixturevalue("rabbit")
    return lambda: RabbitTransport(server.url, namespace)


_BROKERS = {"memory": _memory, "sqlite": _sqlite, "rabbitmq": _rabbitmq}


@pytest.fixture(params=sorted(_BROKERS))
def make(request: pytest.FixtureRequest, namespace: str) -> Callable[[], Transport]:
    """Makes transports to one broker and one namespace, not yet open."""
    return _BROKERS[request.param](request, namespace)


@pytest.fixture
async def connect(make: Callable[[], Transport]) -> AsyncIterator[Connect]:
    """Opens transports, each playing a process of its own, and closes them after the test."""
    opened: list[Transport] = []

    async def open_one() -> Transport:
        transport = make()
        opened.append(transport)
        await transport.open(10)
        return transport

    yield open_one
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(20):
            await asyncio.gather(*[transport.close() for transport in opened])
