"""Servers that say no, or cannot keep the promises: one clear line, exit code not 0, in under ten seconds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Generator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager

import pytest

from tests.endtoend.house import House
from tests.servers import RabbitServer, RedisServer


@pytest.fixture
def house() -> Iterator[House]:
    """A folder for processes."""
    with House("none") as house:
        yield house


async def assert_refused(house: House, url: str, *words: str) -> None:
    """Check that a node with this URL ends at once with one line that says `words`."""
    started = time.monotonic()
    node = house.command("node", "-w", "tests.endtoend.shop:Order", "--url", url)

    code = await node.ended(10)

    assert time.monotonic() - started < 10
    assert code == 1, node.log
    lines = node.log.splitlines()
    assert len(lines) == 1, node.log
    assert lines[0].startswith("error: ")
    for word in words:
        assert word in lines[0]
    assert "secret" not in lines[0]


async def test_a_wrong_password(house: House, rabbit: RabbitServer, redis_server: RedisServer) -> None:
    url = f"amqp://guest:secret@127.0.0.1:{rabbit.port}/?store={redis_server.url}"

    await assert_refused(house, url, "guest", "ACCESS_REFUSED")


async def test_a_wrong_vhost(house: House, rabbit: RabbitServer, redis_server: RedisServer) -> None:
    await assert_refused(house, f"{rabbit.url}nowhere?store={redis_server.url}", "nowhere")


async def test_tls_to_a_plain_port(house: House, rabbit: RabbitServer, redis_server: RedisServer) -> None:
    url = f"amqps://guest:guest@127.0.0.1:{rabbit.port}/?store={redis_server.url}"

    await assert_refused(house, url, "TLS")


async def test_plain_to_a_tls_port(house: House, redis_server: RedisServer) -> None:
    async with tls_port() as port:
        await assert_refused(house, f"amqp://127.0.0.1:{port}/?store={redis_server.url}", "amqps")


@contextmanager
def redis(options: Mapping[str, str]) -> Generator[RedisServer]:
    server = RedisServer(options)
    try:
        yield server
    finally:
        server.close()


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"maxmemory-policy": "allkeys-lru"}, "maxmemory-policy"),
        ({"appendonly": "no"}, "appendonly"),
        ({"appendfsync": "everysec"}, "appendfsync"),
    ],
    ids=["evicts", "keeps nothing", "fsyncs too late"],
)
async def test_a_redis_that_cannot_keep_the_promises(
    house: House, rabbit: RabbitServer, options: Mapping[str, str], word: str
) -> None:
    with redis(options) as server:
        await asyncio.to_thread(server.start)

        await assert_refused(house, f"{rabbit.url}?store={server.url}", word)


async def test_a_redis_that_wants_a_password(house: House, rabbit: RabbitServer) -> None:
    with RedisServer() as server:
        server.cli("config", "set", "requirepass", "right")

        await assert_refused(house, f"{rabbit.url}?store={server.url}", "password")
        await assert_refused(house, f"{rabbit.url}?store=redis://:secret@127.0.0.1:{server.port}", "password")


async def test_a_url_without_a_store(house: House, rabbit: RabbitServer) -> None:
    await assert_refused(house, rabbit.url, "names no store")


@asynccontextmanager
async def tls_port() -> AsyncGenerator[int]:
    """Answer plain text as RabbitMQ's TLS port does: with an alert, and the end of the connection."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(len(b"AMQP\x00\x00\x09\x01"))
        writer.write(b"\x15\x03\x01\x00\x02\x02\x0a")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield int(server.sockets[0].getsockname()[1])
