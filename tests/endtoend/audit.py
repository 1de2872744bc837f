"""What must be true of journals and store once the dust has settled."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Hashable
from contextlib import asynccontextmanager
from typing import Any

from leveret import Handle
from leveret.url import Url
from leveret_actors.backends import backends
from leveret_actors.store.contract import Store, TakenOver
from leveret_actors.testing import replay
from leveret_actors.workflow.journal import Begun, CommandEnded, Event, Record, SignalAccepted, TimerFired, decode
from leveret_actors.workflow.state import decode as decode_state
from leveret_broker.address import MailboxQueue
from leveret_broker.codec import Codec
from leveret_broker.outcome import Completed
from leveret_broker.transport import Transport


async def journal_of(handle: Handle[Any]) -> list[Record]:
    """Return the journal, decoded."""
    return [decode(record) async for record in handle.history()]


async def replayed(cls: type[Any], handle: Handle[Any]) -> int:
    """Repeat the journal on a cold instance; return the number of turns."""
    return replay(cls, [record async for record in handle.history()]).turns


async def assert_sound(cls: type[Any], *handles: Handle[Any]) -> None:
    """Check that each event stands once in its journal, that it ended once, and that it can be replayed."""
    for handle, records in zip(handles, await asyncio.gather(*(journal_of(one) for one in handles)), strict=True):
        events = [event for record in records for event in record.events]
        twice = [key for key, count in Counter(map(_identity, events)).items() if count > 1]
        assert not twice, f"{handle}: {twice} stand more than once in {records}"
        assert [record.number for record in records] == list(range(1, len(records) + 1)), f"{handle}: {records}"
        assert sum(record.completion is not None for record in records) == 1, f"{handle}: {records}"
        assert await replayed(cls, handle) > 0


def _identity(event: Event) -> Hashable:
    match event:
        case Begun():
            return "begun"
        case CommandEnded(number):
            return "ended", number
        case TimerFired(number):
            return "fired", number
        case SignalAccepted(digest=digest):
            return "signal", digest
        case _:
            return id(event)


@asynccontextmanager
async def opened(url: str) -> AsyncGenerator[tuple[Transport, Store]]:
    """Open what a node opens."""
    transport, store = backends(Url.parse(url))
    await store.open(10)
    try:
        await transport.open(10)
        yield transport, store
    finally:
        await transport.close()
        await store.close()


async def assert_nothing_left(url: str, *kinds: str) -> None:
    """Check that no outbox is pending, nothing stalled, and no timer set; no node may run any more."""
    async with opened(url) as (transport, store):
        for kind in kinds:
            for index in range(await transport.mailbox_count(kind, 8)):
                queue = MailboxQueue(kind, index)
                left: TakenOver = await store.take_over(queue, "auditor")
                assert (left.pending, left.stalled, left.next_due) == ((), (), 0), f"{queue}: {left}"


async def _pages(
    transport: Transport, store: Store, workflow: str, status: str
) -> AsyncIterator[tuple[MailboxQueue, list[str]]]:
    for index in range(await transport.mailbox_count(workflow, 8)):
        queue, after = MailboxQueue(workflow, index), ""
        while rows := await store.instances(queue, status, after, 1000):
            after = rows[-1].actor
            yield queue, [row.actor for row in rows]


async def instances(url: str, workflow: str, status: str) -> list[str]:
    """Return the ids of those that have a status."""
    async with opened(url) as (transport, store):
        return [actor async for _, actors in _pages(transport, store, workflow, status) for actor in actors]


async def results(url: str, workflow: str, kind: Any) -> dict[str, Any]:
    """Return what each completed instance returned, by its id."""
    found: dict[str, Any] = {}
    async with opened(url) as (transport, store):
        async for queue, actors in _pages(transport, store, workflow, "completed"):
            for actor, record in zip(actors, await store.load(queue, actors, journals=False), strict=True):
                assert record is not None
                outcome = decode_state(record.state).outcome
                assert isinstance(outcome, Completed)
                found[actor] = Codec().load(outcome.value, kind)
    return found


async def histories(url: str, workflow: str, status: str) -> Counter[tuple[str, ...]]:
    """Return which events the journals of the instances with a status have, and how many have those."""
    found: Counter[tuple[str, ...]] = Counter()
    async with opened(url) as (transport, store):
        async for queue, actors in _pages(transport, store, workflow, status):
            for actor in actors:
                records = [decode(data) for data in await store.read_journal(queue, actor, 0, 100)]
                found[tuple(type(event).__name__ for record in records for event in record.events)] += 1
    return found
