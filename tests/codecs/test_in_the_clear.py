"""Who sees the wire and the disks sees nothing of users' data; without a payload codec this test would."""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from examples.codecs.encrypting import Encrypted
from leveret import Client, WorkflowFailed
from leveret_actors import DeadLetters, Node
from leveret_actors.settings import Settings
from tests.codecs.secretive import Child, Secretive, Vault
from tests.codecs.tap import Tap, tapped
from tests.endtoend.house import until
from tests.servers import RabbitServer, RedisServer

CODEC = Encrypted(7, b"k" * 32)


class Outside:
    """What an attacker has: the folders of the servers, or of the file, and the wires."""

    def __init__(self, url: str, folders: list[Path], taps: list[Tap]) -> None:
        self.url = url
        self.folders = folders
        self.taps = taps

    def sees(self, word: str) -> list[str]:
        """Return where a word is to be seen."""
        files = [path for folder in self.folders for path in folder.rglob("*") if path.is_file()]
        found = [path.name for path in files if word.encode() in path.read_bytes()]
        return found + [f"the wire to port {tap.port}" for tap in self.taps if tap.heard(word)]


@pytest.fixture(params=["embedded", "servers"])
async def outside(request: pytest.FixtureRequest, namespace: str, tmp_path: Path) -> AsyncGenerator[Outside]:
    if request.param == "embedded":
        yield Outside(f"sqlite:///{tmp_path / 'house.db'}?ns={namespace}", [tmp_path], [])
        return
    rabbit: RabbitServer = request.getfixturevalue("rabbit")
    redis: RedisServer = request.getfixturevalue("redis_server")
    folders = [rabbit._home.path / "data", redis._home.path]
    async with AsyncExitStack() as stack:
        taps = [await stack.enter_async_context(tapped(port)) for port in (rabbit.port, redis.port)]
        broker, store = (f"127.0.0.1:{tap.port}" for tap in taps)
        yield Outside(f"amqp://guest:guest@{broker}/?store=redis://{store}&ns={namespace}", folders, taps)


async def live_through(url: str, word: str, codec: Any) -> list[str]:
    """Have the word everywhere a user may put it, and return all that the client read of it."""
    settings = Settings(mailboxes=1, heartbeat=0.2)
    async with (
        Node(url, workflows=[Secretive, Child], services=[Vault()], settings=settings, payload_codec=codec),
        Client(url, payload_codec=codec) as client,
    ):
        instance = client.get(Secretive, id="i")
        handle = await client.dispatch(client.new(Secretive, id="i").run, word)
        await handle.started(30)
        read = [await instance.beside(word), await instance.shown(word)]
        described = await client.describe(instance, 30)
        read.append(str(described.data["properties"]))
        await handle.signal("no such channel", word)
        await handle.signal("colours", word)
        await instance.words.send(word)
        with pytest.raises(WorkflowFailed) as caught:
            await handle.result(30)
        read += [str(caught.value), str((await client.describe(instance, 30)).data["failure"])]
        await give_delegated(client, word)
        async with DeadLetters(url, payload_codec=codec) as letters:

            async def there() -> bool:
                return len([one async for one in letters.list()]) == 2

            await until(there, "two signals become dead letters")
    return read


async def give_delegated(client: Client, word: str) -> None:
    call = await client.dispatch(client.service(Vault, id=f"asked-{secrets.token_hex(4)}").ask, word)

    async def completed() -> bool:
        return bool((await client.complete_task(Vault, call.id, word, timeout=30)).count)

    await until(completed, "the delegated task is there")
    assert await call.result(30) == word


async def test_nothing_of_users_values_is_on_the_wire_or_on_a_disk(outside: Outside) -> None:
    word = f"word{secrets.token_hex(8)}"

    read = await live_through(outside.url, word, CODEC)

    assert [word in text for text in read] == [True] * 5
    assert outside.sees(word) == []
    assert all(tap.size > 1000 for tap in outside.taps)


async def test_without_a_payload_codec_it_is_there_to_be_seen(outside: Outside) -> None:
    word = f"word{secrets.token_hex(8)}"

    await live_through(outside.url, word, None)

    seen = outside.sees(word)
    assert any("house.db" in place for place in seen) or len([one for one in seen if one.startswith("the wire")]) == 2
