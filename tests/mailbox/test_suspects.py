"""Actors that bring their nodes down, and those that were only in hand with them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from leveret_actors.mailbox.cache import ActorCache
from leveret_actors.mailbox.directory import Directory
from leveret_actors.mailbox.host import Host
from leveret_actors.mailbox.loop import MailboxLoop
from leveret_actors.mailbox.quiet import Quiet
from leveret_actors.mailbox.stepper import ThreadStepper
from leveret_actors.settings import Settings
from leveret_actors.store.contract import ActorWrite, Batch, Timer
from leveret_actors.store.memory import MemoryStore
from leveret_broker.address import MailboxQueue
from leveret_broker.embedded.memory import MemoryTransport
from leveret_broker.envelope import encode
from tests.mailbox.tally import TallyActors, seen_of, signal

if TYPE_CHECKING:
    from leveret_actors.actor import Inbox, Turn

pytestmark = pytest.mark.timeout(20)

TALLY = MailboxQueue("Tally", 0)


class Death(BaseException):
    """A node goes down: nothing of the engine stops it."""


class Mortal(TallyActors):
    """Notes who was decided together, and dies of some."""

    def __init__(self, deadly: frozenset[str]) -> None:
        """Die of these actors."""
        super().__init__(echo_to="")
        self.deadly = deadly
        self.tried: list[str] = []

    def decide(self, queue: MailboxQueue, inbox: Inbox, clock: float) -> Turn:
        """Die unless the actor is given up, or was: it is blocked then."""
        self.tried.append(inbox.actor)
        if inbox.actor in self.deadly and not inbox.give_up and not seen_of(inbox.record):
            raise Death(inbox.actor)
        return super().decide(queue, inbox, clock)


class Ward:
    """One hub, and the nodes that come and go there."""

    def __init__(self, name: str) -> None:
        """Begin with an empty queue."""
        self.name = name
        self.store = MemoryStore(name)
        self.transport = MemoryTransport(name, "t")
        self.tried: list[list[str]] = []
        """What each node decided, in order."""
        self.given_up: list[str] = []

    async def send(self, *actors: str) -> None:
        """Send each one message, in one parcel for all."""
        await asyncio.gather(*(self.transport.publish(TALLY, encode(signal(f"m-{name}", name))) for name in actors))

    async def node(self, *deadly: str, until: str = "", quiet: Quiet | None = None) -> bool:
        """Run a node until it dies, or has journalled something of actor `until`; tell whether it died."""
        transport, store, actors = MemoryTransport(self.name, "t"), MemoryStore(self.name), Mortal(frozenset(deadly))
        await transport.open()
        await store.open()
        config = Settings(mailboxes=1, heartbeat=0.01)
        host = Host(
            node=f"n{len(self.tried)}", info={}, transport=transport, store=store, stepper=ThreadStepper(),
            cache=ActorCache(actors=10, size=10_000), directory=Directory(transport, store, 1), settings=config,
            quiet=quiet or Quiet(),
        )  # fmt: skip
        loop = MailboxLoop(TALLY, actors, host)
        running = asyncio.create_task(loop.run())
        while not running.done() and not (until and await self.journalled(until)):
            await asyncio.sleep(0)
        loop.stop()
        outcome = (await asyncio.gather(running, return_exceptions=True))[0]
        self.tried.append(actors.tried)
        self.given_up += actors.given_up
        await transport.close()
        host.stepper.close()
        assert outcome is None or isinstance(outcome, Death)
        return isinstance(outcome, Death)

    async def journalled(self, actor: str) -> list[str]:
        """Return what an actor has seen."""
        return seen_of((await self.store.load(TALLY, [actor]))[0])


@asynccontextmanager
async def ward(name: str) -> AsyncGenerator[Ward]:
    """Open a hub."""
    opened = Ward(name)
    await opened.transport.open()
    await opened.store.open()
    yield opened
    await opened.transport.close()


async def test_E15_an_actor_is_blocked_after_three_deaths_the_first_of_which_bore_no_mark() -> None:
    async with ward("three deaths") as world:
        await world.send("bad")

        died = [await world.node("bad", until="bad") for _ in range(4)]

    assert died == [True, True, True, False]
    assert world.given_up == ["it brought its node down 3 times"]


async def test_who_was_only_in_hand_with_it_is_decided_alone_and_keeps_no_mark() -> None:
    async with ward("innocents") as world:
        await world.send("a", "bad", "c")
        for _ in range(3):
            assert await world.node("bad")
        assert not await world.node("bad", until="bad")

        journals = [await world.journalled(actor) for actor in ("a", "c")]
        attempts = dict(world.store.room.shelf(TALLY).attempts)

    assert world.tried == [["a", "bad"], ["a", "bad"], ["a", "bad"], ["bad", "c", "a"]]
    assert journals == [["m-a"], ["m-c"]]
    assert world.given_up == ["it brought its node down 3 times"]
    assert attempts == {}


async def test_batches_are_committed_among_others_and_only_who_was_marked_before_is_tried_alone() -> None:
    quiet, work = Quiet(), list[str]()

    def committing(name: str, _: bool) -> None:
        if name == "commit":
            work.append(f"{quiet._batches} batches, {quiet._tries} tries")

    async with ward("quiet") as world:
        await world.send("a", "bad")
        for _ in range(2):
            assert await world.node("bad")
        world.store.room.fault = committing
        assert not await world.node(until="a", quiet=quiet)
        marked, work = work, []
        await world.send("c")
        assert not await world.node(until="c", quiet=quiet)

    assert set(marked[:4]) == {"0 batches, 1 tries"}
    assert set(work) == {"1 batches, 0 tries"}


async def test_several_that_kill_are_each_blocked_for_their_own_deaths_and_no_innocent_with_them() -> None:
    async with ward("several") as world:
        await world.send("a", "bad", "c", "worse", "z")
        deaths = 0
        while await world.node("bad", "worse", until="z"):
            deaths += 1

        journals = [await world.journalled(actor) for actor in ("a", "c", "z")]

    assert deaths == 4
    assert world.given_up == ["it brought its node down 3 times"] * 2
    assert journals == [["m-a"], ["m-c"], ["m-z"]]


async def test_nodes_that_live_after_all_are_no_deaths() -> None:
    async with ward("living") as world:
        await world.send("bad")
        for _ in range(3):
            assert await world.node("bad")
        for name in ("n0", "n1", "n2"):
            await world.store.heartbeat(name, {}, lifetime=1e9)

        assert not await world.node(until="bad")

    assert world.given_up == []


async def test_a_node_that_tries_again_is_no_death_of_its_own_though_nobody_hears_of_it() -> None:
    async with ward("again") as world:
        await world.send("bad")
        for _ in range(2):
            assert await world.node("bad")
        epoch = (await world.store.take_over(TALLY, "n2")).epoch
        await world.store.mark_attempts(TALLY, epoch, ["bad"], "n2")

        assert not await world.node(until="bad")

    assert world.given_up == []


async def test_nodes_that_hand_a_queue_over_are_no_deaths() -> None:
    async with ward("handed over") as world:
        await world.send("a")
        assert not await world.node(until="a")
        assert (await world.store.take_over(TALLY, "next")).before == ""
        due = Timer("bad", "", 1, 1.0)
        epoch = (await world.store.take_over(TALLY, "alone")).epoch
        write = ActorWrite(actor="bad", run="", status="running", state=b"", timers=(due,))
        await world.store.commit(TALLY, epoch, Batch(id="timer", actors=(write,)))
        await world.store.release(TALLY, epoch)
        await world.send("wake")

        died = [await world.node("bad", until="bad") for _ in range(4)]

    assert died == [True, True, True, False]
    assert world.given_up == ["it brought its node down 3 times"]
