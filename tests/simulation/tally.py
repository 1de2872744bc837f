"""World A: the toy actors of tests/mailbox, on two nodes, with a client that repeats itself."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from leveret_actors.actor import Inbox, Turn
from leveret_actors.mailbox.directory import Directory
from leveret_actors.mailbox.host import Host
from leveret_actors.mailbox.loop import MailboxLoop
from leveret_actors.mailbox.wake import keep_awake
from leveret_actors.settings import Settings
from leveret_broker.address import MailboxQueue
from leveret_broker.envelope import Envelope, Signal, encode
from tests.mailbox.tally import Live, TallyActors, signal
from tests.simulation.auditor import Auditor
from tests.simulation.cache import WatchedCache
from tests.simulation.loop import RUNNING
from tests.simulation.world import InlineStepper, Seat, World

if TYPE_CHECKING:
    from leveret_actors.actor import Actors
    from leveret_actors.store.contract import ActorWrite
    from tests.simulation.loop import Process
    from tests.simulation.shelves import SimulatedStore
    from tests.simulation.wire import SimulatedTransport

TALLY: Final = MailboxQueue("Tally", 0)
ECHO: Final = MailboxQueue("Echo", 0)
ACTORS: Final = ("a", "b", "c")


class TallyAuditor(Auditor):
    """Knows that a tally's journal is the list of what it has seen, and that each of it is echoed."""

    world: TallyWorld

    def turned(self, queue: MailboxQueue, write: ActorWrite) -> None:
        """No event stands twice in a journal."""
        new = [record.decode() for record in write.append]
        journal = self.world.journal(queue, write.actor)
        self.trace.note(f"  {write.actor}: {' '.join(new)}")
        for event in new:
            self.trace.expect(journal.count(event) == 1, f"{queue} {write.actor}: {event} stands twice in the journal")

    def missing(self, queue: MailboxQueue, envelope: Envelope) -> str:
        """The journal has the message, and its echo is pending or out."""
        if envelope.id not in self.world.journal(queue, envelope.actor):
            return "it is not in the journal"
        node = RUNNING.get()
        if node.name in self.world.room().shelf(queue).attempts.get(envelope.actor, ()) and self.owns(node, queue):
            return "this node's attempt mark stays, though it survived"
        if queue == TALLY:
            echo = (ECHO, encode(echo_of(envelope.id, envelope.actor)))
            pending = self.world.room().shelf(queue).pending.values()
            if echo not in self.arrived and not any(
                (item.address, item.body) == echo for outbox in pending for item in outbox.items
            ):
                return "its effect is neither pending nor published"
        return ""

    def compare(self, process: Process, queue: MailboxQueue, actor: str, live: object) -> None:
        """A cached tally has seen what the journal has."""
        assert isinstance(live, Live)
        journal = self.world.journal(queue, actor)
        self.trace.expect(
            live.seen == journal, f"{process.name} {queue} {actor}: the cached actor saw {live.seen}, stored: {journal}"
        )


class WatchedTally(TallyActors):
    """Reports actors that are given up: none of these ever raises."""

    def __init__(self, world: TallyWorld, kind: str, echo_to: str) -> None:
        """Report to `world`."""
        super().__init__(kind, echo_to)
        self._world = world

    def decide(self, queue: MailboxQueue, inbox: Inbox, clock: float) -> Turn:
        """Take a turn."""
        if inbox.give_up:
            self._world.auditor.given_up(queue, inbox.actor)
        return super().decide(queue, inbox, clock)


class TallyWorld(World):
    """A dozen messages for three actors, some of them twice, some of them setting timers."""

    gap = 120.0

    def __init__(self, seed: int, *, echo: bool = False) -> None:
        """Draw the messages too."""
        super().__init__(seed, echo=echo)
        self.auditor = TallyAuditor(self.trace)
        self.auditor.world = self
        self.messages = [
            (f"m{number}", self.random.choice(ACTORS), self.random.choice(("echo", "echo", "later")))
            for number in range(self.random.randint(6, 14))
        ]
        self._sent = False

    def journal(self, queue: MailboxQueue, actor: str) -> list[str]:
        """Return the stored journal of an actor."""
        kept = self.room().shelf(queue).actors.get(actor)
        return [] if kept is None else [record.decode() for record in kept.journal]

    def actors(self, kind: str, echo_to: str) -> Actors:
        """Return what one node hosts."""
        return WatchedTally(self, kind, echo_to)

    async def serve(self, seat: Seat, transport: SimulatedTransport, store: SimulatedStore) -> None:
        """Run both mailbox loops and the signs of life, as a node does."""
        settings = Settings(mailboxes=1, cache_actors=2, batch=self.random.choice((1, 3, 500)))
        await store.open()
        await transport.open()
        host = Host(
            info={},
            node=RUNNING.get().name,
            transport=transport,
            store=store,
            stepper=InlineStepper(),
            cache=WatchedCache(self.auditor, actors=settings.cache_actors, size=settings.cache_bytes),
            directory=Directory(transport, store, 1),
            settings=settings,
        )
        loops = [
            MailboxLoop(TALLY, self.actors("Tally", "Echo"), host),
            MailboxLoop(ECHO, self.actors("Echo", ""), host),
        ]

        def stop() -> None:
            for loop in loops:
                loop.stop()

        seat.stop = stop
        beating = asyncio.create_task(keep_awake(host, loops))
        serving = [asyncio.create_task(loop.run()) for loop in loops]
        done, _ = await asyncio.wait((beating, *serving), return_when=asyncio.FIRST_COMPLETED)
        if beating in done:
            beating.result()
        await asyncio.gather(*serving)
        beating.cancel()
        await transport.close()
        await store.close()

    def begin(self) -> None:
        """Start the one who sends."""
        self.start("client", self._send)

    async def _send(self) -> None:
        transport = self.transport()
        await transport.open()
        futures: list[asyncio.Future[None]] = []
        for message, actor, channel in self.messages:
            body = encode(signal(message, actor, channel))
            futures.extend(transport.publish(TALLY, body) for _ in range(self.random.choice((1, 1, 2))))
            await asyncio.sleep(self.random.choice((0.0, 0.0, 0.01, 1.0)))
        await asyncio.gather(*futures)
        self._sent = True

    def left(self) -> str:
        """Everything is journalled once, echoed once, settled, and no timer is left."""
        if not self._sent:
            return "the client is still sending"
        for actor in ACTORS:
            wanted = {message for message, whose, _ in self.messages if whose == actor}
            journal = self.journal(TALLY, actor)
            timers = {event for event in journal if event.startswith("t")}
            later = sum(whose == actor and channel == "later" for _, whose, channel in self.messages)
            if set(journal) - timers != wanted or len(timers) != later:
                return f"{actor} has {journal}, wanted {sorted(wanted)} and {later} timers"
            echoes = self.journal(ECHO, actor)
            if sorted(echoes) != sorted(f"{event}!" for event in journal):
                return f"the echoes of {actor} are {echoes}, its journal {journal}"
        for queue in (TALLY, ECHO):
            shelf = self.room().shelf(queue)
            if shelf.pending or shelf.next_due():
                return f"{queue}: pending {list(shelf.pending)}, next timer at {shelf.next_due()}"
        return ""


def echo_of(message: str, actor: str) -> Envelope:
    """Return what a tally sends for an event."""
    blank = signal("", "", "end").message
    assert isinstance(blank, Signal)
    return Envelope(f"{message}!", actor, blank)
