"""Stores to test. A backend is a line in `BACKENDS`: a function that makes a `Backend` from the test's request."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from leveret_actors.store.contract import Store
from leveret_actors.store.memory import MemoryStore
from leveret_actors.store.redis import RedisStore
from leveret_actors.store.sqlite import SqliteStore
from leveret_broker.embedded.database import Database
from tests.servers import RedisCluster, RedisServer

SECONDS = 20.0


@dataclass
class Clock:
    """A clock that tests set."""

    now: float = 1_800_000_000.123456

    def __call__(self) -> float:
        return self.now


@dataclass
class Backend:
    """One store's worth of data, reached through as many `Store`s as a test wants."""

    make: Callable[[], Store]
    clock: Clock | None = None
    """None: the store has a clock of its own, and `until` waits."""
    opened: list[Store] = field(default_factory=list[Store])

    async def connect(self) -> Store:
        """Open one more store to the same data, as another process would."""
        store = self.make()
        await store.open(SECONDS)
        self.opened.append(store)
        return store

    async def until(self, time: float) -> None:
        """Let the store's time pass `time`; a few tenths of a second from now, please."""
        if self.clock is not None:
            self.clock.now = max(self.clock.now, time + 0.001)
            return
        async with asyncio.timeout(SECONDS):
            while await self.opened[0].clock() <= time:
                await asyncio.sleep(0.01)

    async def tick(self) -> None:
        """Let some time pass, so that what follows is later than what was."""
        await self.until(await self.opened[0].clock() + 0.002)

    async def close(self) -> None:
        for store in self.opened:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SECONDS):
                    await store.close()


def _memory(request: pytest.FixtureRequest, namespace: str) -> Backend:
    clock = Clock()
    return Backend(lambda: MemoryStore(namespace, clock=clock), clock)


def _sqlite(request: pytest.FixtureRequest, namespace: str) -> Backend:
    folder: Path = request.getfixturevalue("tmp_path")
    clock = Clock()
    return Backend(lambda: SqliteStore(Database(folder / "store.db"), namespace, clock=clock), clock)


def _redis(request: pytest.FixtureRequest, namespace: str) -> Backend:
    server: RedisServer = request.getfixturevalue("redis_server")
    return Backend(lambda: RedisStore(server.url, namespace))


def _redis_cluster(request: pytest.FixtureRequest, namespace: str) -> Backend:
    cluster: RedisCluster = request.getfixturevalue("redis_cluster")
    return Backend(lambda: RedisStore(cluster.url, namespace))


BACKENDS: dict[str, Callable[[pytest.FixtureRequest, str], Backend]] = {
    "memory": _memory,
    "sqlite": _sqlite,
    "redis": _redis,
    "redis-cluster": _redis_cluster,
}


@pytest.fixture(scope="session")
def redis_cluster() -> Iterator[RedisCluster]:
    """The Redis cluster of this session, started when first asked for."""
    with RedisCluster() as cluster:
        yield cluster


@pytest.fixture(params=sorted(BACKENDS))
async def backend(request: pytest.FixtureRequest, namespace: str) -> AsyncIterator[Backend]:
    """An empty store of each kind."""
    backend = BACKENDS[request.param](request, namespace)
    yield backend
    await backend.close()


@pytest.fixture
async def store(backend: Backend) -> Store:
    return await backend.connect()
