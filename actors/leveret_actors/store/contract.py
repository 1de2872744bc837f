"""The store contract: what a node may rely on, whatever keeps the journals.

* A commit is one atomic, durable write for one mailbox queue, refused with `StaleEpoch` when the queue was taken over
  since; the same batch committed again (a lost reply) succeeds and changes nothing.
* Everything a queue owns (actors, timers, outboxes, members) is written only by such commits.
* Journals are read whole and grow at their end; only `ActorWrite.dropped` takes records off there, in the write that
  appends what stands for them. The store never looks into bytes.
* All times are Unix seconds by the **store's** clock, which `take_over`, `commit` and `due` report.
* Every call ends: by an answer, or by `StoreUnavailable` after the store's deadline (10 s unless set otherwise).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import msgspec

from leveret_actors.store.leases import LeaseStore
from leveret_actors.store.listening import ListenerStore
from leveret_actors.store.outcomes import OutcomeStore
from leveret_actors.store.restraints import RestraintStore
from leveret_broker.address import Address, MailboxQueue
from leveret_broker.errors import StoreError


class Outgoing(msgspec.Struct, frozen=True, array_like=True):
    """One body that a turn wants sent."""

    address: Address
    body: bytes
    delay: float = 0.0
    reason: str = ""
    source: str = ""
    """As in `Transport.publish`."""


class Outbox(msgspec.Struct, frozen=True, array_like=True):
    """What one batch wants sent, in order; its id is the batch's id."""

    id: str
    items: tuple[Outgoing, ...]


class Timer(msgspec.Struct, frozen=True, array_like=True):
    """A durable timer: command `number` of a run of an actor is due at `at`."""

    actor: str
    run: str
    number: int
    at: float


class ActorRecord(msgspec.Struct, frozen=True):
    """What the store has of one actor."""

    actor: str
    state: bytes
    """The small head that each turn rewrites."""
    journal: tuple[bytes, ...]
    """Records in order of their turns; empty for a closed instance unless asked for."""


class ActorWrite(msgspec.Struct, frozen=True, kw_only=True):
    """What one turn of one actor writes."""

    actor: str
    run: str
    status: str
    """For listings: `running`, `failed`, `blocked`, `completed`, `cancelled`, `timed_out`; tags have `tag`."""
    state: bytes
    dropped: int = 0
    """So many records at the journal's end go first, then `append` comes. A journal that has fewer, as one that goes
    with `new_run` has, fails the whole commit with `StoreError`, nothing written: the turn knew another journal."""
    append: tuple[bytes, ...] = ()
    new_run: bool = False
    """Drop the journal of the run before, first."""
    closed: bool = False
    """The journal is no longer loaded with the actor."""
    expires: float = 0.0
    """When everything of this actor vanishes; 0 is never."""
    stalled: bool = False
    """It has journalled events that no code has run yet: the next owner must look at it."""
    delete: bool = False
    """Remove everything of this actor now."""
    timers: tuple[Timer, ...] = ()
    """Timers to set."""
    timers_removed: tuple[tuple[str, int], ...] = ()
    """(run, number) of timers that fired or are not wanted any more."""


def too_few(write: ActorWrite, there: int) -> StoreError:
    """Return the error of a commit that takes off more records than there are."""
    text = f"the journal of {write.actor} has {there} records, this commit takes {write.dropped} off: it was decided "
    return StoreError(text + "on another journal, and is not written")


class MemberWrite(msgspec.Struct, frozen=True, kw_only=True):
    """One change of a tag's members."""

    actor: str
    """The tag's actor key."""
    instance: str
    run: str
    number: int = 0
    """Join number; 0 takes the member off."""


class Member(msgspec.Struct, frozen=True, array_like=True):
    """One member of a tag."""

    number: int
    instance: str
    run: str


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """One commit."""

    id: str
    """Unique per batch; a repetition carries the same."""
    actors: tuple[ActorWrite, ...] = ()
    """At most one write per actor."""
    members: tuple[MemberWrite, ...] = ()
    outbox: tuple[Outgoing, ...] = ()
    """Becomes the pending outbox `id`, unless empty."""
    settled: tuple[str, ...] = ()
    """Outboxes of earlier batches that are confirmed: off the pending set."""
    acknowledged: tuple[int, ...] = ()
    """Tags of the deliveries behind this batch; used by atomic stores only."""
    survived: tuple[str, ...] = ()
    """Actors that write nothing, but whose attempt marks go: they were tried, and the node still lives."""


class Committed(msgspec.Struct, frozen=True):
    """The answer to a commit."""

    clock: float
    repeated: bool = False
    """True: this batch had been committed before."""


class TakenOver(msgspec.Struct, frozen=True):
    """What a new owner gets."""

    epoch: int
    clock: float
    pending: tuple[Outbox, ...]
    """Oldest first; all of them must be published again."""
    stalled: tuple[str, ...]
    """Actors to look at (see `ActorWrite.stalled`)."""
    next_due: float
    """When the first timer is due; 0 when there is none."""
    before: str
    """The owner before, when that was another node and did not release the queue: it may have died. Else empty."""


class Due(msgspec.Struct, frozen=True):
    """Timers whose time has come."""

    clock: float
    timers: tuple[Timer, ...]
    """Earliest first."""
    next_due: float
    """When the first timer that is not in `timers` is due; 0 when there is none."""


class InstanceRow(msgspec.Struct, frozen=True):
    """A line of a listing."""

    actor: str
    run: str
    status: str
    updated: float


class NodeRow(msgspec.Struct, frozen=True):
    """A node that is (or was, up to an hour ago) there."""

    node: str
    seen: float
    info: dict[str, str]


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """What nobody could handle."""

    id: str
    at: float
    source: str
    reason: str
    body: bytes


class Store(LeaseStore, ListenerStore, OutcomeStore, RestraintStore, ABC):
    """One node's way to the store."""

    atomic: bool = False
    """True: a commit also acknowledges `Batch.acknowledged` and sends the outbox, in the same transaction.

    The caller then skips acknowledging, publishing and settling, and nothing is ever pending.
    """

    @abstractmethod
    async def open(self, deadline: float | None = None) -> None:
        """Connect and check; `StoreRefused` at once for what cannot keep the promises, else as `Transport.open`."""

    @abstractmethod
    async def close(self) -> None:
        """Finish what is being written, then close."""

    @abstractmethod
    async def clock(self) -> float:
        """Return the store's time."""

    @abstractmethod
    async def mailbox_count(self, kind: str, count: int = 0) -> int:
        """Return how many mailbox queues `kind` was said to have first, after noting `count` where nobody has said it.

        0: nobody has. What the store keeps is spread over that many queues, whatever the broker says later.
        """

    # -- mailbox queues -----------------------------------------------------------------------------------------------

    @abstractmethod
    async def take_over(self, queue: MailboxQueue, node: str) -> TakenOver:
        """Make `node` the queue's owner under a new, higher epoch."""

    @abstractmethod
    async def release(self, queue: MailboxQueue, epoch: int) -> None:
        """Say that the queue's owner hands it over and did not die; nothing happens when the epoch is over."""

    @abstractmethod
    async def load(
        self, queue: MailboxQueue, actors: Sequence[str], *, journals: bool = True
    ) -> list[ActorRecord | None]:
        """Return what is there of these actors, in one trip or a few; a closed actor's journal is left out.

        `journals=False` leaves all of them out; `read_journal` gets one whatever its state.
        """

    @abstractmethod
    async def read_journal(self, queue: MailboxQueue, actor: str, after: int, limit: int) -> list[bytes]:
        """Return at most `limit` records, skipping the first `after`."""

    @abstractmethod
    async def commit(self, queue: MailboxQueue, epoch: int, batch: Batch) -> Committed:
        """Write a batch; raises `StaleEpoch` having written nothing, and `StoreError` as `ActorWrite.dropped` says."""

    @abstractmethod
    async def mark_attempts(
        self, queue: MailboxQueue, epoch: int, actors: Sequence[str], node: str, *, before: str = ""
    ) -> None:
        """Note that `node` tries of these actors what an owner may have died of.

        `before`, the owner before, is noted as well where nobody is noted yet: it had the actor in hand without a mark.
        A commit that writes the actor, or names it in `survived`, clears its notes.
        """

    @abstractmethod
    async def tried(self, queue: MailboxQueue, actors: Sequence[str]) -> list[frozenset[str]]:
        """Return the nodes that are noted for each of these actors."""

    @abstractmethod
    async def due(self, queue: MailboxQueue, limit: int) -> Due:
        """Return at most `limit` due timers; they stay until a commit removes them."""

    @abstractmethod
    async def expire(self, queue: MailboxQueue, epoch: int, *, keep: int, limit: int) -> int:
        """Remove at most `limit` actors past `expires`, or closed beyond the newest `keep`; return how many."""

    @abstractmethod
    async def members(self, queue: MailboxQueue, actor: str, after: int, limit: int) -> list[Member]:
        """Return a page of a tag's members, by join number, the first above `after`."""

    @abstractmethod
    async def find_members(self, queue: MailboxQueue, actor: str, who: Sequence[tuple[str, str]]) -> list[int]:
        """Return the join numbers of these (instance, run), 0 for who is not a member."""

    @abstractmethod
    async def instances(self, queue: MailboxQueue, status: str, after: str, limit: int) -> list[InstanceRow]:
        """Return a page of actors with this status, by actor key, the first above `after`."""

    # -- nodes --------------------------------------------------------------------------------------------------------

    @abstractmethod
    async def heartbeat(self, node: str, info: dict[str, str], *, lifetime: float) -> None:
        """Say that `node` lives for another `lifetime` seconds; 0 takes it off."""

    @abstractmethod
    async def nodes(self) -> list[NodeRow]:
        """Return the nodes whose lifetime is not over."""

    @abstractmethod
    async def owners(self, queues: Sequence[MailboxQueue]) -> list[str | None]:
        """Return each queue's owner; None where there is none or its lifetime is over."""

    # -- tasks --------------------------------------------------------------------------------------------------------

    @abstractmethod
    async def revoke(self, task_ids: Sequence[str], until: float) -> None:
        """Remember until then that nobody shall start these lives of tasks, and end their leases that still run."""

    @abstractmethod
    async def revoked(self, task_ids: Sequence[str]) -> set[str]:
        """Return which of these are revoked."""

    @abstractmethod
    async def note_attempt(self, task_id: str, attempt: int, until: float) -> None:
        """Remember until then that `attempt` is the highest attempt of this task that was sent out."""

    @abstractmethod
    async def attempts(self, task_ids: Sequence[str]) -> list[int]:
        """Return the highest noted attempts, 0 where none is."""

    # -- dead letters -------------------------------------------------------------------------------------------------

    @abstractmethod
    async def bury(self, letters: Sequence[DeadLetter]) -> None:
        """Keep dead letters; one with an id that is already there changes nothing."""

    @abstractmethod
    async def dead_letters(self, after: str, limit: int) -> list[DeadLetter]:
        """Return a page of dead letters, oldest first, the first behind the id `after` (empty: from the start)."""

    @abstractmethod
    async def exhume(self, ids: Sequence[str]) -> int:
        """Remove dead letters and return how many were there."""
