"""The mailbox loop over the memory transport and store, with toy actors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from leveret_actors.mailbox.cache import ActorCache
from leveret_actors.mailbox.directory import Directory
from leveret_actors.mailbox.host import Host
from leveret_actors.mailbox.loop import MailboxLoop
from leveret_actors.mailbox.stepper import ThreadStepper
from leveret_actors.settings import Settings
from leveret_actors.store.contract import ActorWrite, Batch
from leveret_actors.store.memory import MemoryStore
from leveret_broker.address import MailboxQueue
from leveret_broker.embedded.memory import MemoryTransport
from leveret_broker.envelope import encode
from tests.mailbox.tally import TallyActors, seen_of, signal

TALLY, ECHO = MailboxQueue("Tally", 0), MailboxQueue("Echo", 0)


@asynccontextmanager
async def hosting(hub: str, cache_actors: int = 1000) -> AsyncGenerator[tuple[Host, list[MailboxLoop], TallyActors]]:
    """Run a loop for the tallies and one for their echoes."""
    transport, store = MemoryTransport(hub, "t"), MemoryStore(hub)
    await transport.open()
    await store.open()
    config = Settings(mailboxes=1, cache_actors=cache_actors)
    host = Host(
        node=f"n{id(transport)}",
        info={},
        transport=transport,
        store=store,
        stepper=ThreadStepper(),
        cache=ActorCache(actors=config.cache_actors, size=config.cache_bytes),
        directory=Directory(transport, store, 1),
        settings=config,
    )
    tally = TallyActors()
    loops = [MailboxLoop(TALLY, tally, host), MailboxLoop(ECHO, TallyActors("Echo", ""), host)]
    tasks = [asyncio.create_task(loop.run()) for loop in loops]
    try:
        yield host, loops, tally
    finally:
        for loop in loops:
            loop.stop()
        await asyncio.wait_for(asyncio.gather(*tasks), 10)
        await transport.close()
        await store.close()
        host.stepper.close()


async def settled(host: Host, count: int) -> list[str]:
    """Wait until the echo of every message is journalled, and return the journal of the echoes of actor `a`."""
    while True:
        record = (await host.store.load(ECHO, ["a"]))[0]
        if len(seen_of(record)) >= count:
            return seen_of(record)
        await asyncio.sleep(0)


@pytest.mark.timeout(20)
async def test_every_message_is_journalled_once_and_echoed_in_order() -> None:
    async with hosting("every") as (host, _, _):
        futures = [host.transport.publish(TALLY, encode(signal(f"m{n % 400}", "a"))) for n in range(800)]
        await asyncio.gather(*futures)

        echoes = await settled(host, 400)

        journal = seen_of((await host.store.load(TALLY, ["a"]))[0])
    assert journal == [f"m{n}" for n in range(400)]
    assert echoes == [f"m{n}!" for n in range(400)]


@pytest.mark.timeout(20)
async def test_an_actor_that_raises_inside_the_engine_is_given_up_and_its_neighbours_go_on() -> None:
    async with hosting("poison") as (host, _, tally):
        for message in (signal("p", "bad", "poison"), signal("m", "a")):
            await host.transport.publish(TALLY, encode(message))

        await settled(host, 1)

    assert tally.given_up == ["its turn failed inside the engine: RuntimeError: poison"]


@pytest.mark.timeout(20)
async def test_the_cache_bounds_live_actors() -> None:
    async with hosting("bounded", cache_actors=10) as (host, _, tally):
        await asyncio.gather(*[host.transport.publish(TALLY, encode(signal(f"m{n}", f"a{n}"))) for n in range(100)])
        await host.transport.publish(TALLY, encode(signal("last", "a")))
        await settled(host, 1)

        live = len(host.cache)

    assert live <= 10
    assert tally.dropped >= 90


@pytest.mark.timeout(20)
async def test_giving_up_on_a_cached_actor_keeps_its_journal() -> None:
    async with hosting("cached poison") as (host, _, _):
        await host.transport.publish(TALLY, encode(signal("before", "a")))
        await settled(host, 1)

        for message in (signal("p", "a", "poison"), signal("before", "a"), signal("after", "a")):
            await host.transport.publish(TALLY, encode(message))
        await settled(host, 3)

        journal = seen_of((await host.store.load(TALLY, ["a"]))[0])
    assert journal == ["before", "p", "after"]


@pytest.mark.timeout(20)
async def test_what_has_been_kept_long_enough_vanishes() -> None:
    store = MemoryStore("swept")
    await store.open()
    epoch = (await store.take_over(TALLY, "before")).epoch
    old = ActorWrite(actor="old", run="", status="completed", state=b"", closed=True, expires=1.0)
    young = ActorWrite(actor="young", run="", status="completed", state=b"", closed=True, expires=2e12)
    await store.commit(TALLY, epoch, Batch(id="b", actors=(old, young)))

    async with hosting("swept"):
        while (await store.load(TALLY, ["old"]))[0] is not None:
            await asyncio.sleep(0)

    assert (await store.load(TALLY, ["young"]))[0] is not None
