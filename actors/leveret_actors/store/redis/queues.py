"""What a mailbox queue owns, in Redis."""

from __future__ import annotations

import asyncio
from abc import ABC
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from leveret_actors.store.contract import (
    ActorRecord,
    Batch,
    Committed,
    Due,
    InstanceRow,
    Member,
    Store,
    TakenOver,
    too_few,
)
from leveret_actors.store.redis import scripts
from leveret_actors.store.redis.batch import decode_pending, encode_batch
from leveret_actors.store.redis.keys import Keys, timer_of, who_member, who_of
from leveret_actors.store.redis.link import Link
from leveret_broker.address import MailboxQueue
from leveret_broker.errors import StaleEpoch
from leveret_broker.ids import new_id

PAGE_BYTES: Final = 4 * 1024 * 1024
"""Bytes of journals after which an answer ends; the rest is asked for anew."""


class _Writer:
    """Numbers the commits of one queue, one at a time, so that commit.lua knows one that arrives too late."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.number = 0


class QueueStore(Store, ABC):
    """The part of the contract that is about mailbox queues."""

    def __init__(self, link: Link, keys: Keys) -> None:
        self._link = link
        self._keys = keys
        self._session = new_id()
        self._writers: defaultdict[MailboxQueue, _Writer] = defaultdict(_Writer)

    async def take_over(self, queue: MailboxQueue, node: str) -> TakenOver:
        """Begin a new epoch; see `Store`. Repeating it after a lost reply begins one more, which harms nobody."""
        epoch, clock, pending, stalled, first, last = await self._link.run(
            scripts.TAKE_OVER,
            [self._keys.queue(queue, "meta")],
            [node],
            as_type=tuple[int, bytes, list[bytes], list[bytes], bytes, bytes],
        )
        before = "" if last.decode() == node else last.decode()
        looked_at = tuple(sorted(actor.decode() for actor in stalled))
        return TakenOver(epoch, float(clock), decode_pending(pending), looked_at, float(first), before)

    async def release(self, queue: MailboxQueue, epoch: int) -> None:
        """Say that a queue is handed over."""
        await self._link.run(scripts.RELEASE, [self._keys.queue(queue, "meta")], [epoch], as_type=int)

    async def load(
        self, queue: MailboxQueue, actors: Sequence[str], *, journals: bool = True
    ) -> list[ActorRecord | None]:
        """Return what is there of these actors; see `Store`."""
        records: list[ActorRecord | None] = []
        while len(records) < len(actors):
            rest = actors[len(records) :]
            found = await self._link.run(
                scripts.LOAD,
                [self._keys.queue(queue, "meta")],
                ["1" if journals else "0", PAGE_BYTES, *rest],
                as_type=list[tuple[bytes, tuple[bytes, ...]] | None],
                writes=False,
            )
            records += [None if one is None else ActorRecord(actor, *one) for actor, one in zip(rest, found)]
        return records

    async def read_journal(self, queue: MailboxQueue, actor: str, after: int, limit: int) -> list[bytes]:
        """Return a page of a journal."""
        if limit <= 0:
            return []
        key = self._keys.queue(queue, f"journal:{actor}")
        return await self._link.call(key, "LRANGE", key, after, after + limit - 1, as_type=list[bytes])

    async def commit(self, queue: MailboxQueue, epoch: int, batch: Batch) -> Committed:
        """Write a batch; see `Store`. Commits of one queue go one after the other, those of several side by side."""
        data = encode_batch(batch)
        writer = self._writers[queue]
        async with writer.lock:
            writer.number += 1
            outcome, clock = await self._link.run(
                scripts.COMMIT,
                [self._keys.queue(queue, "meta")],
                [epoch, self._session, writer.number, data],
                as_type=tuple[bytes, bytes],
            )
        if outcome in {b"done", b"repeated"}:
            return Committed(float(clock), repeated=outcome == b"repeated")
        if outcome.startswith(b"short"):
            _, index, there = outcome.split()
            raise too_few(batch.actors[int(index)], int(there))
        raise _stale(queue, epoch)

    async def mark_attempts(
        self, queue: MailboxQueue, epoch: int, actors: Sequence[str], node: str, *, before: str = ""
    ) -> None:
        """Note attempts at actors; see `Store`."""
        key = self._keys.queue(queue, "meta")
        if not await self._link.run(scripts.ATTEMPT, [key], [epoch, node, before, *actors], as_type=int):
            raise _stale(queue, epoch)

    async def tried(self, queue: MailboxQueue, actors: Sequence[str]) -> list[frozenset[str]]:
        """Return who tried each actor."""
        if not actors:
            return []
        key = self._keys.queue(queue, "attempts")
        found = await self._link.call(key, "HMGET", key, *actors, as_type=list[bytes | None])
        return [frozenset((nodes or b"").decode().split("\n")) - {""} for nodes in found]

    async def due(self, queue: MailboxQueue, limit: int) -> Due:
        """Return due timers; see `Store`."""
        key = self._keys.queue(queue, "timers")
        clock, found = await self._link.run(
            scripts.DUE, [key], [limit], as_type=tuple[bytes, list[bytes]], writes=False
        )
        now = float(clock)
        timers = [timer_of(member, at) for member, at in zip(found[::2], found[1::2])]
        due = tuple(timer for timer in timers[:limit] if timer.at <= now)
        return Due(now, due, timers[len(due)].at if len(timers) > len(due) else 0.0)

    async def expire(self, queue: MailboxQueue, epoch: int, *, keep: int, limit: int) -> int:
        """Remove what is past its time; see `Store`."""
        key = self._keys.queue(queue, "meta")
        count = await self._link.run(scripts.EXPIRE, [key], [epoch, keep, limit], as_type=int)
        if count < 0:
            raise _stale(queue, epoch)
        return count

    async def members(self, queue: MailboxQueue, actor: str, after: int, limit: int) -> list[Member]:
        """Return a page of a tag's members."""
        key = self._keys.queue(queue, f"members:{actor}")
        page = ("ZRANGEBYSCORE", key, f"({after}", "+inf", "WITHSCORES", "LIMIT", 0, max(limit, 0))
        found = await self._link.call(key, *page, as_type=list[bytes])
        return [Member(int(float(number)), *who_of(member)) for member, number in zip(found[::2], found[1::2])]

    async def find_members(self, queue: MailboxQueue, actor: str, who: Sequence[tuple[str, str]]) -> list[int]:
        """Return join numbers."""
        if not who:
            return []
        key = self._keys.queue(queue, f"members:{actor}")
        members = [who_member(instance, run) for instance, run in who]
        found = await self._link.call(key, "ZMSCORE", key, *members, as_type=list[bytes | None])
        return [0 if number is None else int(float(number)) for number in found]

    async def instances(self, queue: MailboxQueue, status: str, after: str, limit: int) -> list[InstanceRow]:
        """Return a page of a listing."""
        rows = await self._link.run(
            scripts.INSTANCES,
            [self._keys.queue(queue, "meta")],
            [status, b"(" + after.encode() if after else b"-", max(limit, 0)],
            as_type=list[tuple[bytes, bytes, bytes, bytes]],
            writes=False,
        )
        return [InstanceRow(actor.decode(), run.decode(), is_.decode(), float(at)) for actor, run, is_, at in rows]


def _stale(queue: MailboxQueue, epoch: int) -> StaleEpoch:
    return StaleEpoch(f"epoch {epoch} of {queue} is over: another node has taken the queue")
