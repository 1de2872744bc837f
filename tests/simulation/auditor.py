"""The promises that hold at every step, whatever kind of actor it is."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING

from leveret_actors.mailbox.loop import DEATHS
from leveret_broker.address import DEAD_LETTERS, Address, EventTopic, MailboxQueue
from leveret_broker.envelope import Envelope, Wake, decode

if TYPE_CHECKING:
    from leveret_actors.store.contract import ActorWrite, Batch, Outgoing
    from leveret_broker.transport import Delivery
    from tests.simulation.loop import Process
    from tests.simulation.trace import Trace


class Auditor:
    """Hears every publish that arrives, every acknowledgement, take-over and write; knows what must be true then."""

    def __init__(self, trace: Trace) -> None:
        """Begin with an empty world."""
        self.trace = trace
        self.epochs: dict[MailboxQueue, tuple[int, Process]] = {}
        """The newest epoch of each queue and who has it."""
        self.arrived: set[tuple[Address, bytes]] = set()
        """What the broker has ever taken in."""
        self.on_moment: Callable[[], None] = lambda: None
        """Called when something happens behind which a crash is worst."""
        self._tried: dict[tuple[MailboxQueue, str], set[str]] = {}
        """Nodes at which an actor's redelivered messages were tried, since it last got through."""
        self._committing: dict[str, int] = {}
        self._outboxes: dict[str, tuple[Outgoing, ...]] = {}
        self._committed: set[tuple[Address, bytes]] = set()
        self._events: dict[str, list[str]] = {}
        """Ids of committed ones by lane, in order, that have not been published yet."""
        self._event_ids: set[str] = set()
        """Of all that were ever committed."""

    # -- what happens -------------------------------------------------------------------------------------------------

    def published(self, process: Process, address: Address, body: bytes) -> None:
        """A body arrives at the broker."""
        self.arrived.add((address, body))
        self.on_moment()
        if isinstance(address, EventTopic):
            self._told(address, body)
            return
        if address == DEAD_LETTERS:
            self.trace.note(f"publish to the dead letters: {len(body)} bytes")
            return
        envelope = decode(body)
        if isinstance(envelope.message, Wake):
            self.trace.note(f"wake {address}")
            return
        self.trace.note(f"publish to {address}: {short(envelope)}")
        if process.name.startswith("node") and (address, body) not in self._committed:
            why = self.unfounded(process, address, envelope)
            if why:
                self.trace.violate(f"an effect left without standing in the journal: {short(envelope)}: {why}")

    def _told(self, address: EventTopic, body: bytes) -> None:
        """An event arrives: it must be committed, and the first time be the next one of its lane."""
        due, identity = self._events.get(address.lane, []), event_id(body)
        self.trace.note(f"event {identity} {address.key} of {address.lane}")
        if (address, body) not in self._committed:
            self.trace.violate(f"an event was invented: {address}")
        elif identity in due:
            self.trace.expect(due[0] == identity, f"{identity} {address} comes before {due[0]}")
            due.remove(identity)

    def acknowledged(self, queue: MailboxQueue, deliveries: list[Delivery]) -> None:
        """Deliveries of a mailbox are acknowledged, whether or not the broker will hear of it."""
        self.on_moment()
        for delivery in deliveries:
            for body in delivery.bodies:
                envelope = decode(body)
                if not isinstance(envelope.message, Wake):
                    why = self.missing(queue, envelope)
                    self.trace.expect(not why, f"acknowledged, but not committed: {short(envelope)}: {why}")
                    self._tried.pop((queue, envelope.actor), None)
        count = sum(len(delivery.bodies) for delivery in deliveries)
        self.trace.note(f"acknowledge {queue}: {count} envelopes")

    def taken_over(self, process: Process, queue: MailboxQueue, epoch: int) -> None:
        """A queue has a new owner."""
        self.epochs[queue] = (epoch, process)
        self.trace.note(f"takes {queue} over in epoch {epoch}")

    def marked(self, queue: MailboxQueue, actor: str, node: str) -> None:
        """A node tries an actor's redelivered messages."""
        self.trace.note(f"tries {actor} of {queue} again")
        self._tried.setdefault((queue, actor), set()).add(node)

    def given_up(self, queue: MailboxQueue, actor: str) -> None:
        """An actor is blocked because too many nodes went down while they tried it."""
        tried = self._tried.get((queue, actor), set())
        if len(tried) < DEATHS:  # the first of them had it in hand without a mark
            self.trace.violate(f"{queue} {actor} was given up after attempts of {sorted(tried)}")

    def commits(self, batch: Batch, epoch: int) -> None:
        """Somebody is about to commit under this epoch."""
        self._committing[batch.id] = epoch

    def wrote(self, queue: MailboxQueue, batch: Batch, repeated: bool) -> None:
        """The store has written a batch."""
        self.on_moment()
        newest = self.epochs.get(queue, (0, None))[0]
        epoch = self._committing[batch.id]
        appended = [f"{write.actor}+{len(write.append)}" for write in batch.actors]
        rest = f"outbox {len(batch.outbox)} settled {batch.settled} survived {batch.survived}"
        self.trace.note(f"commit {queue} epoch {epoch}: {appended} {rest}")
        self.trace.expect(epoch == newest, f"{queue}: a commit under epoch {epoch}, the newest is {newest}")
        if repeated:
            return
        if batch.outbox:
            self._outboxes[batch.id] = batch.outbox
            self._committed.update((item.address, item.body) for item in batch.outbox)
            for item in batch.outbox:
                if isinstance(item.address, EventTopic):
                    self._expect(item.address, event_id(item.body))
                if item.address == DEAD_LETTERS:
                    self.set_aside(queue, decode(item.body))
        for settled in batch.settled:
            lost = [item for item in self._outboxes.get(settled, ()) if (item.address, item.body) not in self.arrived]
            self.trace.expect(not lost, f"settled, but never published: {[named(item) for item in lost]}")
        for write in batch.actors:
            self.turned(queue, write)
            self._tried.pop((queue, write.actor), None)

    def _expect(self, address: EventTopic, identity: str) -> None:
        """Wait for an event to be published; one that comes of a message without a record may be committed again."""
        if identity not in self._event_ids:
            self._event_ids.add(identity)
            self._events.setdefault(address.lane, []).append(identity)

    def owns(self, process: Process, queue: MailboxQueue) -> bool:
        """Tell whether this process has the newest epoch."""
        entry = self.epochs.get(queue)
        return entry is not None and entry[1] is process

    # -- what each world adds -----------------------------------------------------------------------------------------

    @abstractmethod
    def turned(self, queue: MailboxQueue, write: ActorWrite) -> None:
        """Look at what one turn has written."""

    @abstractmethod
    def missing(self, queue: MailboxQueue, envelope: Envelope) -> str:
        """Say what of this acknowledged envelope is not in the store; empty when all of it is."""

    def set_aside(self, queue: MailboxQueue, envelope: Envelope) -> None:
        """A turn gives an envelope up: in these worlds only because its actor is given up."""
        self.given_up(queue, envelope.actor)

    def unfounded(self, process: Process, address: Address, envelope: Envelope) -> str:
        """Say why a node may not publish what stands in no committed outbox; empty when it may."""
        return f"{process.name} sent it to {address}, no committed outbox has it"

    @abstractmethod
    def compare(self, process: Process, queue: MailboxQueue, actor: str, live: object) -> None:
        """Compare a cached actor at rest with the store."""


def event_id(body: bytes) -> str:
    """Return the public id of an event."""
    return str(json.loads(body)["id"])


def named(item: Outgoing) -> str:
    """Name what an outbox has in a line."""
    return str(item.address) if isinstance(item.address, EventTopic) else short(decode(item.body))


def short(envelope: Envelope) -> str:
    """Name an envelope in a line."""
    return f"{type(envelope.message).__name__} {envelope.id} for {envelope.actor or '-'}"
