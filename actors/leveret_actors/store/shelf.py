"""What a memory store keeps of one mailbox queue, and how a batch changes it."""

from __future__ import annotations

import bisect
from collections import deque
from typing import Final

from leveret_actors.store.contract import (
    ActorRecord,
    ActorWrite,
    Batch,
    InstanceRow,
    Member,
    MemberWrite,
    Outbox,
    Timer,
    too_few,
)

REMEMBERED: Final = 100
"""Batch ids that a queue remembers, to recognise a repetition."""


class Kept:
    """One actor."""

    __slots__ = ("closed", "expires", "journal", "run", "stalled", "state", "status", "updated")

    def __init__(self) -> None:
        self.run = ""
        self.status = ""
        self.state = b""
        self.journal: list[bytes] = []
        self.closed = False
        self.stalled = False
        self.expires = 0.0
        self.updated = 0.0


class Shelf:
    """One mailbox queue: its owner and everything it owns. Nothing here waits."""

    def __init__(self) -> None:
        self.epoch = 0
        self.owner = ""
        self.actors: dict[str, Kept] = {}
        self.pending: dict[str, Outbox] = {}
        self.attempts: dict[str, set[str]] = {}
        """Nodes that tried an actor's redelivered messages."""
        self._done: deque[str] = deque(maxlen=REMEMBERED)
        self._timers: dict[str, dict[tuple[str, int], float]] = {}
        self._schedule: list[tuple[float, str, str, int]] = []
        """All timers, earliest first."""
        self._members: dict[str, dict[tuple[str, str], int]] = {}

    # -- writing ------------------------------------------------------------------------------------------------------

    def write(self, batch: Batch, clock: float) -> bool:
        """Apply a batch; True when it had been applied before. Raises `StoreError` having applied nothing."""
        if batch.id in self._done:
            return True
        for actor in batch.actors:
            self._check_dropped(actor)
        for actor in batch.actors:
            self._write_actor(actor, clock)
        for member in batch.members:
            self._write_member(member)
        for survivor in batch.survived:
            self.attempts.pop(survivor, None)
        for outbox in batch.settled:
            self.pending.pop(outbox, None)
        if batch.outbox:
            self.pending[batch.id] = Outbox(batch.id, batch.outbox)
        self._done.append(batch.id)
        return False

    def remove(self, actor: str) -> None:
        """Remove everything of an actor."""
        self.actors.pop(actor, None)
        self.attempts.pop(actor, None)
        self._members.pop(actor, None)
        for run, number in tuple(self._timers.get(actor, ())):
            self._unset(actor, run, number)

    def expire(self, clock: float, keep: int, limit: int) -> int:
        """Remove what is past its time, and the oldest of the closed beyond `keep`."""
        gone = [key for key, kept in self.actors.items() if 0 < kept.expires <= clock]
        expired = set(gone)
        closed = [(kept.updated, key) for key, kept in self.actors.items() if kept.closed and key not in expired]
        closed.sort()
        gone.extend(key for _, key in closed[: max(0, len(closed) - keep)])
        for key in gone[:limit]:
            self.remove(key)
        return len(gone[:limit])

    def _check_dropped(self, write: ActorWrite) -> None:
        kept = None if write.new_run or write.delete else self.actors.get(write.actor)
        there = 0 if kept is None else len(kept.journal)
        if write.dropped > there:
            raise too_few(write, there)

    def _write_actor(self, write: ActorWrite, clock: float) -> None:
        self.attempts.pop(write.actor, None)
        if write.delete:
            self.remove(write.actor)
            return
        kept = self.actors.get(write.actor)
        if kept is None:
            kept = self.actors[write.actor] = Kept()
        if write.new_run:
            kept.journal.clear()
        kept.run = write.run
        kept.status = write.status
        kept.state = write.state
        del kept.journal[len(kept.journal) - write.dropped :]
        kept.journal.extend(write.append)
        kept.closed = write.closed
        kept.stalled = write.stalled
        kept.expires = write.expires
        kept.updated = clock
        for run, number in write.timers_removed:
            self._unset(write.actor, run, number)
        for timer in write.timers:
            self._unset(timer.actor, timer.run, timer.number)
            self._timers.setdefault(timer.actor, {})[timer.run, timer.number] = timer.at
            bisect.insort(self._schedule, (timer.at, timer.actor, timer.run, timer.number))

    def _unset(self, actor: str, run: str, number: int) -> None:
        mine = self._timers.get(actor)
        at = None if mine is None else mine.pop((run, number), None)
        if at is not None:
            del self._schedule[bisect.bisect_left(self._schedule, (at, actor, run, number))]
        if mine is not None and not mine:
            del self._timers[actor]

    def _write_member(self, write: MemberWrite) -> None:
        members = self._members.setdefault(write.actor, {})
        if write.number:
            members[write.instance, write.run] = write.number
        else:
            members.pop((write.instance, write.run), None)
        if not members:
            del self._members[write.actor]

    # -- reading ------------------------------------------------------------------------------------------------------

    def record(self, actor: str, *, journals: bool) -> ActorRecord | None:
        """Return what is there of an actor."""
        kept = self.actors.get(actor)
        if kept is None:
            return None
        return ActorRecord(actor, kept.state, tuple(kept.journal) if journals and not kept.closed else ())

    def stalled(self) -> tuple[str, ...]:
        """Return the actors that the next owner must look at."""
        return tuple(sorted(key for key, kept in self.actors.items() if kept.stalled))

    def next_due(self, skip: int = 0) -> float:
        """Return when the first timer behind the first `skip` is due; 0 for none."""
        return self._schedule[skip][0] if len(self._schedule) > skip else 0.0

    def due(self, clock: float, limit: int) -> tuple[Timer, ...]:
        """Return the first due timers."""
        end = bisect.bisect_right(self._schedule, clock, key=lambda entry: entry[0])
        return tuple(Timer(actor, run, number, at) for at, actor, run, number in self._schedule[: min(end, limit)])

    def members(self, actor: str, after: int, limit: int) -> list[Member]:
        """Return a page of members by join number."""
        found = self._members.get(actor, {})
        page = sorted((number, *who) for who, number in found.items() if number > after)
        return [Member(number, instance, run) for number, instance, run in page[:limit]]

    def number_of(self, actor: str, who: tuple[str, str]) -> int:
        """Return a member's join number, 0 for none."""
        return self._members.get(actor, {}).get(who, 0)

    def listing(self, status: str, after: str, limit: int) -> list[InstanceRow]:
        """Return a page of actors with this status by key."""
        keys = sorted(key for key, kept in self.actors.items() if kept.status == status and key > after)
        return [InstanceRow(key, self.actors[key].run, status, self.actors[key].updated) for key in keys[:limit]]
