"""A crowd: many instances with one tag, which note what they are told until they are told to end."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from leveret import Client, workflow
from leveret_actors.cli.tagged import tagged
from leveret_actors.store.contract import Store
from leveret_broker.address import TAGS, MailboxQueue
from leveret_broker.ids import queue_index, tag_key
from leveret_broker.transport import Transport
from tests.endtoend import audit

TAG = "crowd"
END = "end"
STUMBLE = "stumble"


@workflow.define(name="Crowd")
class Crowd:
    told = workflow.Channel[str]()

    async def run(self) -> list[str]:
        heard: list[str] = []
        async for word in self.told:
            if word == END:
                break
            self.hear(word)
            heard.append(word)
        return heard

    def hear(self, word: str) -> None:
        """Fail at one word: the code has a mistake."""
        if word == STUMBLE:
            raise RuntimeError(word)


WORKFLOWS: list[type[Any]] = [Crowd]
SERVICES: list[type[Any]] = []


async def gather_crowd(client: Client, count: int, window: int = 500) -> None:
    """Start so many, named by their numbers; returns when the broker holds them."""
    slots = asyncio.Semaphore(window)

    async def one(number: int) -> None:
        async with slots:
            await client.dispatch(client.new(Crowd, id=f"c{number}", tags={TAG}).run)

    for first in range(0, count, 10_000):
        await asyncio.gather(*(one(number) for number in range(first, min(count, first + 10_000))))


async def tell(client: Client, *words: str) -> None:
    """Tell everybody, one word after another."""
    for word in words:
        await client.all(Crowd, tag=TAG).told.send(word)


async def under_way(url: str) -> int:
    """Return how many the first command by the tag has been sent to; 0 when there is none."""
    async with audit.opened(url) as (transport, store):
        found = (await tagged(transport, store, "Crowd", TAG, (), 0)).under_way
    return found[0].sent if found else 0


async def is_empty(transport: Transport, store: Store) -> bool:
    """Tell whether nobody carries the tag any more."""
    key = tag_key("Crowd", TAG)
    queue = MailboxQueue(TAGS, queue_index(key, await transport.mailbox_count(TAGS, 8)))
    return not await store.members(queue, key, 0, 1)


async def how_many(url: str, status: str) -> int:
    """Return how many instances have a status."""
    return len(await audit.instances(url, "Crowd", status))


async def results(url: str) -> Counter[tuple[str, ...]]:
    """Return what the ended instances had heard, and how many heard that."""
    return Counter(tuple(heard) for heard in (await audit.results(url, "Crowd", list[str])).values())
