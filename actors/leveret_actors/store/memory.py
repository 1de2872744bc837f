"""The memory store: the twin of the real ones, for tests, the simulation and `memory://`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from leveret_actors.store.contract import (
    ActorRecord,
    Batch,
    Committed,
    DeadLetter,
    Due,
    InstanceRow,
    Member,
    NodeRow,
    Store,
    TakenOver,
)
from leveret_actors.store.memory_leases import LeaseTable, MemoryLeases
from leveret_actors.store.memory_listening import MemoryListeners
from leveret_actors.store.memory_outcomes import MemoryOutcomes, OutcomeTable
from leveret_actors.store.memory_restraints import MemoryRestraints, RestraintTable
from leveret_actors.store.shelf import Shelf
from leveret_broker.address import MailboxQueue
from leveret_broker.errors import StaleEpoch, StoreUnavailable

T = TypeVar("T")

SWEEP: Final = 1000
"""Notes about tasks above which the outdated ones are looked for."""


class Room:
    """What all memory stores of one name share, with the faults that a simulation asks for."""

    def __init__(self) -> None:
        self.fault: Callable[[str, bool], None] | None = None
        """Called with a method's name before (False) and after (True) its effect; what it raises, the caller gets."""
        self.shelves: dict[MailboxQueue, Shelf] = {}
        self.nodes: dict[str, tuple[float, NodeRow]] = {}
        self.revoked: dict[str, float] = {}
        self.attempts: dict[str, tuple[int, float]] = {}
        self.letters: dict[str, DeadLetter] = {}
        self.counts: dict[str, int] = {}
        self.leases = LeaseTable()
        self.restraints = RestraintTable()
        self.listeners: dict[str, tuple[str, ...]] = {}
        self.outcomes = OutcomeTable()

    def shelf(self, queue: MailboxQueue) -> Shelf:
        """Return what is kept of a queue."""
        return self.shelves.setdefault(queue, Shelf())

    def fenced(self, queue: MailboxQueue, epoch: int) -> Shelf:
        """Return the same, or raise `StaleEpoch`."""
        shelf = self.shelf(queue)
        if shelf.epoch == 0 or shelf.epoch != epoch:
            raise StaleEpoch(f"{queue} is in epoch {shelf.epoch} (owner {shelf.owner!r}), this commit is of {epoch}")
        return shelf

    def forget_outdated(self, clock: float) -> None:
        """Drop notes about tasks whose time is over, now and then."""
        if len(self.revoked) + len(self.attempts) > SWEEP:
            self.revoked = {task: until for task, until in self.revoked.items() if until > clock}
            self.attempts = {task: note for task, note in self.attempts.items() if note[1] > clock}


class MemoryStore(MemoryLeases, MemoryListeners, MemoryOutcomes, MemoryRestraints, Store):
    """A store in the room of this name, shared by all of this process; it outlives `close`."""

    def __init__(self, hub_name: str, *, clock: Callable[[], float] = time.time) -> None:
        self.room = _rooms.setdefault(hub_name, Room())
        self._clock = clock
        self._open = False

    async def open(self, deadline: float | None = None) -> None:  # noqa: ARG002
        """Connect; nothing to wait for."""
        self._open = True
        await asyncio.sleep(0)

    async def close(self) -> None:
        """Leave; a second call does nothing."""
        self._open = False
        await asyncio.sleep(0)

    async def _effect(self, name: str, effect: Callable[[], T]) -> T:
        """Run `effect`, giving way before and after, so that a simulation can crash on either side of it."""
        if not self._open:
            raise StoreUnavailable("the store is closed")
        await asyncio.sleep(0)
        if self.room.fault is not None:
            self.room.fault(name, False)
        answer = effect()
        await asyncio.sleep(0)
        if self.room.fault is not None:
            self.room.fault(name, True)
        return answer

    @property
    def _table(self) -> LeaseTable:
        return self.room.leases

    @property
    def _restraints(self) -> RestraintTable:
        return self.room.restraints

    @property
    def _groups(self) -> dict[str, tuple[str, ...]]:
        return self.room.listeners

    @property
    def _outcomes(self) -> OutcomeTable:
        return self.room.outcomes

    async def clock(self) -> float:
        """Return the injected clock's time."""
        return await self._effect("clock", self._clock)

    async def mailbox_count(self, kind: str, count: int = 0) -> int:
        """Return, or note, how many mailbox queues a kind has."""

        def effect() -> int:
            if count:
                self.room.counts.setdefault(kind, count)
            return self.room.counts.get(kind, 0)

        return await self._effect("mailbox_count", effect)

    # -- mailbox queues -----------------------------------------------------------------------------------------------

    async def take_over(self, queue: MailboxQueue, node: str) -> TakenOver:
        """Begin a new epoch; see `Store`."""

        def effect() -> TakenOver:
            shelf = self.room.shelf(queue)
            before = "" if shelf.owner == node else shelf.owner
            shelf.epoch += 1
            shelf.owner = node
            pending = tuple(shelf.pending.values())
            return TakenOver(shelf.epoch, self._clock(), pending, shelf.stalled(), shelf.next_due(), before)

        return await self._effect("take_over", effect)

    async def release(self, queue: MailboxQueue, epoch: int) -> None:
        """Say that a queue is handed over."""

        def effect() -> None:
            shelf = self.room.shelf(queue)
            if shelf.epoch == epoch:
                shelf.owner = ""

        await self._effect("release", effect)

    async def load(
        self, queue: MailboxQueue, actors: Sequence[str], *, journals: bool = True
    ) -> list[ActorRecord | None]:
        """Return what is there of these actors; see `Store`."""

        def effect() -> list[ActorRecord | None]:
            shelf = self.room.shelf(queue)
            return [shelf.record(actor, journals=journals) for actor in actors]

        return await self._effect("load", effect)

    async def read_journal(self, queue: MailboxQueue, actor: str, after: int, limit: int) -> list[bytes]:
        """Return a page of a journal."""

        def effect() -> list[bytes]:
            kept = self.room.shelf(queue).actors.get(actor)
            return [] if kept is None else kept.journal[after : after + limit]

        return await self._effect("read_journal", effect)

    async def commit(self, queue: MailboxQueue, epoch: int, batch: Batch) -> Committed:
        """Write a batch; see `Store`."""

        def effect() -> Committed:
            shelf = self.room.fenced(queue, epoch)
            clock = self._clock()
            return Committed(clock, shelf.write(batch, clock))

        return await self._effect("commit", effect)

    async def mark_attempts(
        self, queue: MailboxQueue, epoch: int, actors: Sequence[str], node: str, *, before: str = ""
    ) -> None:
        """Note attempts at actors; see `Store`."""

        def effect() -> None:
            attempts = self.room.fenced(queue, epoch).attempts
            for actor in actors:
                attempts[actor] = {*(attempts.get(actor) or {before}), node} - {""}

        await self._effect("mark_attempts", effect)

    async def tried(self, queue: MailboxQueue, actors: Sequence[str]) -> list[frozenset[str]]:
        """Return who tried each actor."""
        attempts = self.room.shelf(queue).attempts
        return await self._effect("tried", lambda: [frozenset(attempts.get(actor, ())) for actor in actors])

    async def due(self, queue: MailboxQueue, limit: int) -> Due:
        """Return due timers; see `Store`."""

        def effect() -> Due:
            shelf = self.room.shelf(queue)
            clock = self._clock()
            timers = shelf.due(clock, limit)
            return Due(clock, timers, shelf.next_due(len(timers)))

        return await self._effect("due", effect)

    async def expire(self, queue: MailboxQueue, epoch: int, *, keep: int, limit: int) -> int:
        """Remove what is past its time; see `Store`."""
        return await self._effect("expire", lambda: self.room.fenced(queue, epoch).expire(self._clock(), keep, limit))

    async def members(self, queue: MailboxQueue, actor: str, after: int, limit: int) -> list[Member]:
        """Return a page of a tag's members."""
        return await self._effect("members", lambda: self.room.shelf(queue).members(actor, after, limit))

    async def find_members(self, queue: MailboxQueue, actor: str, who: Sequence[tuple[str, str]]) -> list[int]:
        """Return join numbers."""
        return await self._effect("find_members", lambda: [self.room.shelf(queue).number_of(actor, one) for one in who])

    async def instances(self, queue: MailboxQueue, status: str, after: str, limit: int) -> list[InstanceRow]:
        """Return a page of a listing."""
        return await self._effect("instances", lambda: self.room.shelf(queue).listing(status, after, limit))

    # -- nodes --------------------------------------------------------------------------------------------------------

    async def heartbeat(self, node: str, info: dict[str, str], *, lifetime: float) -> None:
        """Say that a node lives, or (0) that it does not any more."""

        def effect() -> None:
            clock = self._clock()
            self.room.nodes.pop(node, None)
            if lifetime > 0:
                self.room.nodes[node] = (clock + lifetime, NodeRow(node, clock, dict(info)))

        await self._effect("heartbeat", effect)

    async def nodes(self) -> list[NodeRow]:
        """Return the living nodes, by name."""
        return await self._effect("nodes", lambda: [row for _, row in sorted(self._living().items())])

    async def owners(self, queues: Sequence[MailboxQueue]) -> list[str | None]:
        """Return the living owners."""

        def effect() -> list[str | None]:
            living = self._living()
            owners = [self.room.shelf(queue).owner for queue in queues]
            return [owner if owner in living else None for owner in owners]

        return await self._effect("owners", effect)

    def _living(self) -> dict[str, NodeRow]:
        clock = self._clock()
        self.room.nodes = {node: entry for node, entry in self.room.nodes.items() if entry[0] > clock}
        return {node: row for node, (_, row) in self.room.nodes.items()}

    # -- tasks --------------------------------------------------------------------------------------------------------

    async def revoke(self, task_ids: Sequence[str], until: float) -> None:
        """Remember revoked tasks."""

        def effect() -> None:
            for task in task_ids:
                self.room.revoked[task] = max(until, self.room.revoked.get(task, 0.0))
            self.room.leases.end(task_ids, until)
            self.room.forget_outdated(self._clock())

        await self._effect("revoke", effect)

    async def revoked(self, task_ids: Sequence[str]) -> set[str]:
        """Return which are revoked."""

        def effect() -> set[str]:
            clock = self._clock()
            return {task for task in task_ids if self.room.revoked.get(task, 0.0) > clock}

        return await self._effect("revoked", effect)

    async def note_attempt(self, task_id: str, attempt: int, until: float) -> None:
        """Remember the highest attempt."""

        def effect() -> None:
            clock = self._clock()
            noted, noted_until = self.room.attempts.get(task_id, (0, 0.0))
            if noted_until <= clock:
                noted = 0
            self.room.attempts[task_id] = (max(noted, attempt), max(until, noted_until))
            self.room.forget_outdated(clock)

        await self._effect("note_attempt", effect)

    async def attempts(self, task_ids: Sequence[str]) -> list[int]:
        """Return the highest noted attempts."""

        def effect() -> list[int]:
            clock = self._clock()
            notes = [self.room.attempts.get(task, (0, 0.0)) for task in task_ids]
            return [attempt if until > clock else 0 for attempt, until in notes]

        return await self._effect("attempts", effect)

    # -- dead letters -------------------------------------------------------------------------------------------------

    async def bury(self, letters: Sequence[DeadLetter]) -> None:
        """Keep dead letters."""

        def effect() -> None:
            for letter in letters:
                self.room.letters.setdefault(letter.id, letter)

        await self._effect("bury", effect)

    async def dead_letters(self, after: str, limit: int) -> list[DeadLetter]:
        """Return a page, oldest first; behind an id that is not there any more the pages begin anew."""

        def effect() -> list[DeadLetter]:
            known = self.room.letters.get(after)
            rows = sorted(self.room.letters.values(), key=lambda letter: (letter.at, letter.id))
            return [row for row in rows if known is None or (row.at, row.id) > (known.at, known.id)][:limit]

        return await self._effect("dead_letters", effect)

    async def exhume(self, ids: Sequence[str]) -> int:
        """Remove dead letters."""

        def effect() -> int:
            return sum(self.room.letters.pop(letter, None) is not None for letter in ids)

        return await self._effect("exhume", effect)


_rooms: dict[str, Room] = {}


def forget_room(name: str) -> None:
    """Drop a room and all that is in it."""
    _rooms.pop(name, None)
