"""Keys that change, are missing, or are wrong: what cannot be read waits, and nothing is lost."""

from __future__ import annotations

import os
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from loguru import logger

from examples.codecs.encrypting import Encrypted
from leveret import Client, TaskFailed, workflow
from leveret.errors import RequestRefused
from leveret_actors import Node
from leveret_actors.service import closing
from leveret_actors.settings import Settings
from leveret_actors.testing import ReplayMismatch, replay
from leveret_broker.errors import PayloadLocked
from leveret_broker.payload_codec import PayloadCodecs
from tests.codecs.secretive import Collected, Vault
from tests.endtoend.house import until

OLD, NEW, WRONG = Encrypted(1, b"o" * 32), Encrypted(2, b"n" * 32), Encrypted(1, b"w" * 32)


def node(url: str, codec: PayloadCodecs, *services: object, evict: bool = False) -> Node:
    settings = Settings(mailboxes=1, heartbeat=0.2, cache_actors=0 if evict else 10_000)
    return Node(url, workflows=[Collected], services=services, settings=settings, payload_codec=codec)


async def described(client: Client, status: str) -> dict[str, Any]:
    """Wait until the instance has a status."""
    data: dict[str, Any] = {}

    async def has_it() -> bool:
        nonlocal data
        data = (await client.describe(client.get(Collected, id="i"), 30)).data
        return data.get("status") == status

    await until(has_it, f"it is {status}; it is {data}")
    return data


async def start(client: Client) -> None:
    handle = await client.dispatch(client.new(Collected, id="i").run, "first")
    await handle.started(30)


@pytest.mark.parametrize("evict", [False, True], ids=["cached", "evicted"])
async def test_a_new_key_writes_and_what_the_old_one_wrote_replays(url: str, *, evict: bool) -> None:
    async with node(url, OLD, Vault()), Client(url, payload_codec=OLD) as client:
        await start(client)
        await client.get(Collected, id="i").words.send("one")

    rotated = [NEW, OLD]
    async with node(url, rotated, Vault(), evict=evict), Client(url, payload_codec=rotated) as client:
        await client.get(Collected, id="i").words.send("two")
        async with Client(url, payload_codec=OLD) as late:
            await late.get(Collected, id="i").words.send("three")

        assert await client.result(client.get(Collected, id="i"), 30) == ["kept first", "one", "two", "three"]
        records = [record async for record in client.history(client.get(Collected, id="i"))]

    assert replay(Collected, records, payload_codec=rotated).mismatch == ""
    with pytest.raises(ReplayMismatch, match="payload codec 1, which this process does not have"):
        replay(Collected, records, payload_codec=NEW)


@pytest.mark.parametrize(
    ("there", "reason"),
    [(WRONG, "payload codec 1 cannot decode"), (None, "payload codec 1, which this process does not have")],
    ids=["wrong", "missing"],
)
async def test_an_instance_waits_for_its_key_and_takes_all_in_order(
    url: str, there: PayloadCodecs, reason: str
) -> None:
    async with node(url, OLD, Vault()), Client(url, payload_codec=OLD) as client:
        await start(client)
        await client.get(Collected, id="i").words.send("one")
        await described(client, "running")

    async with node(url, there), Client(url, payload_codec=OLD) as client:
        for word in ("two", "three"):
            await client.get(Collected, id="i").words.send(word)
        blocked = await described(client, "blocked")
        refused = client.retry_workflow_task(client.get(Collected, id="i"), 30)
        assert not await count_of(refused)

    async with node(url, OLD, Vault()), Client(url, payload_codec=OLD) as client:
        result = await client.result(client.get(Collected, id="i"), 30)

    assert reason in blocked["reason"]
    assert result == ["kept first", "one", "two", "three"]


async def count_of(verb: Any) -> bool:
    """Tell whether a verb did anything that helped."""
    try:
        return bool((await verb).status == "running")
    except RequestRefused:
        return False


async def test_a_signal_in_another_key_is_no_dead_letter(url: str) -> None:
    async with node(url, OLD, Vault()), Client(url, payload_codec=OLD) as client:
        await start(client)
        async with Client(url, payload_codec=NEW) as ahead:
            await ahead.get(Collected, id="i").words.send("one")
        await described(client, "blocked")
        for word in ("two", "three"):
            await client.get(Collected, id="i").words.send(word)

    async with node(url, [NEW, OLD], Vault()), Client(url, payload_codec=[NEW, OLD]) as client:
        assert await client.result(client.get(Collected, id="i"), 30) == ["kept first", "one", "two", "three"]


async def test_a_task_waits_for_its_key_and_is_not_failed(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(closing, "LOCKED_SECONDS", 0.25)
    waited: list[str] = []
    logger.enable("leveret_actors")
    sink = logger.add(waited.append, level="ERROR", format="{message}")
    async with Client(url, payload_codec=OLD) as client:
        async with node(url, WRONG, Vault()):
            call = await client.dispatch(client.service(Vault).keep, "word")
            await until(lambda: len(waited) > 1, "the task has come twice")
        logger.remove(sink)

        async with node(url, OLD, Vault()):
            assert await call.result(30) == "kept word"

    assert "payload codec 1 cannot decode this payload" in waited[0]


async def test_a_caller_without_the_key_is_told_which_codec_it_needs(url: str) -> None:
    async with node(url, [OLD], Vault()), Client(url, payload_codec=OLD) as client, Client(url) as other:
        call = await client.dispatch(client.service(Vault).keep, "word")
        refused = await client.dispatch(client.service(Vault).refuse, "word")

        with pytest.raises(PayloadLocked, match="payload codec 1, which this process does not have"):
            await other.get_task("Vault.keep", id=call.id).result(30)
        with pytest.raises(TaskFailed, match=r"Refused: \(encoded by payload codec 1\)"):
            await other.get_task("Vault.refuse", id=refused.id).result(30)
        with pytest.raises(TaskFailed, match="Refused: word is refused"):
            await refused.result(30)


class Remote:
    """Asks the clock, the disk and a vault, which workflow code may not."""

    id = 3

    def encode(self, data: bytes) -> bytes:
        self.ask()
        return data[::-1]

    def decode(self, data: bytes) -> bytes:
        self.ask()
        return data[::-1]

    def ask(self) -> None:
        time.time()
        os.urandom(1)
        Path(__file__).read_bytes()
        with suppress(OSError), socket.create_connection(("127.0.0.1", 9), 1):
            pass


@workflow.define
class Guarded:
    async def run(self, word: str) -> str:
        kept: str = await workflow.task("Vault.keep", {"word": word})
        return kept


async def test_a_codec_may_do_what_workflow_code_may_not(url: str) -> None:
    codec = Remote()
    settings = Settings(mailboxes=1)
    guarded = Node(url, workflows=[Guarded], services=[Vault()], settings=settings, payload_codec=codec)
    async with guarded, Client(url, payload_codec=codec) as client:
        assert await client.result(await client.dispatch(client.new(Guarded).run, "word"), 30) == "kept word"


@workflow.define(check="strict")
class Strict:
    async def run(self, word: str) -> str:
        kept: str = await workflow.task("Vault.keep", {"word": word})
        return kept


async def test_strict_replay_compares_arguments_and_not_their_encryption(url: str) -> None:
    strict = Node(url, workflows=[Strict], services=[Vault()], settings=Settings(mailboxes=1), payload_codec=OLD)
    async with strict, Client(url, payload_codec=OLD) as client:
        handle = await client.dispatch(client.new(Strict).run, "word")
        assert await handle.result(30) == "kept word"
        records = [record async for record in handle.history()]

    assert replay(Strict, records, payload_codec=OLD).commands == 1
