"""The half of the SQLite store that belongs to mailbox queues: actors, journals, timers, members."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from leveret_actors.store.contract import (
    ActorRecord,
    Batch,
    Committed,
    Due,
    InstanceRow,
    Member,
    TakenOver,
    Timer,
)
from leveret_actors.store.sqlite.base import SqliteBase
from leveret_actors.store.sqlite.tables import (
    expired_actors,
    remove_actors,
    select_actors,
    unpack_records,
    write_batch,
)
from leveret_broker.address import MailboxQueue
from leveret_broker.embedded.post import Posted, acknowledge_parcels
from leveret_broker.embedded.worker import Transaction
from leveret_broker.errors import StaleEpoch


class QueueStore(SqliteBase):
    """Everything that a queue owns, written by its commits only."""

    async def take_over(self, queue: MailboxQueue, node: str) -> TakenOver:
        """Begin a new epoch; see `Store`."""

        def job(transaction: Transaction) -> TakenOver:
            number = self._database.post.declare(transaction, self._namespace, queue)
            rows = transaction.rows("SELECT node FROM owners WHERE queue = ? AND node <> ?", (number, node))
            before = rows[0][0] if rows else ""
            transaction.execute(
                "INSERT INTO owners (queue, epoch, node, done) VALUES (?, 1, ?, ?)"
                " ON CONFLICT (queue) DO UPDATE SET epoch = epoch + 1, node = excluded.node",
                (number, node, msgspec.msgpack.encode(())),
            )
            epoch = transaction.rows("SELECT epoch FROM owners WHERE queue = ?", (number,))[0][0]
            stalled = transaction.rows(
                "SELECT actor FROM actors WHERE queue = ? AND stalled = 1 ORDER BY actor", (number,)
            )
            first = transaction.rows("SELECT min(at) FROM timers WHERE queue = ?", (number,))[0][0]
            return TakenOver(epoch, self._clock(), (), tuple(actor for (actor,) in stalled), first or 0.0, before)

        return await self._write(job)

    async def release(self, queue: MailboxQueue, epoch: int) -> None:
        """Say that a queue is handed over."""

        def job(transaction: Transaction) -> None:
            values = (self._find(transaction, queue), epoch)
            transaction.execute("UPDATE owners SET node = '' WHERE queue = ? AND epoch = ?", values)

        await self._write(job)

    async def load(
        self, queue: MailboxQueue, actors: Sequence[str], *, journals: bool = True
    ) -> list[ActorRecord | None]:
        """Return what is there of these actors; see `Store`."""

        def job(transaction: Transaction) -> list[ActorRecord | None]:
            number = self._find(transaction, queue)
            rows = select_actors(transaction, "SELECT actor, state, closed FROM actors", number, actors)
            states = {actor: state for actor, state, _ in rows}
            records: dict[str, list[bytes]] = {}
            if journals:
                opened = [actor for actor, _, closed in rows if not closed]
                query = "SELECT actor, records FROM journal"
                for actor, data in select_actors(transaction, query, number, opened, "actor, number"):
                    records.setdefault(actor, []).extend(unpack_records(data))
            return [
                ActorRecord(actor, states[actor], tuple(records.get(actor, ()))) if actor in states else None
                for actor in actors
            ]

        return await self._read(job)

    async def read_journal(self, queue: MailboxQueue, actor: str, after: int, limit: int) -> list[bytes]:
        """Return a page of a journal."""

        def job(transaction: Transaction) -> list[bytes]:
            values = (self._find(transaction, queue), actor)
            cursor = transaction.execute(
                "SELECT records FROM journal WHERE queue = ? AND actor = ? ORDER BY number", values
            )
            records: list[bytes] = []
            for (data,) in cursor:
                records.extend(unpack_records(data))
                if len(records) >= after + limit:
                    break
            return records[after : after + limit]

        return await self._read(job)

    async def commit(self, queue: MailboxQueue, epoch: int, batch: Batch) -> Committed:
        """Write a batch, send its outbox and acknowledge its deliveries, all at once; see `Store`."""
        outbox = [Posted(item.address, item.body, item.delay, item.reason, item.source) for item in batch.outbox]

        def job(transaction: Transaction) -> Committed:
            number = self._fenced(transaction, queue, epoch)
            clock = self._clock()
            repeated = write_batch(transaction, number, batch, clock)
            if not repeated:
                acknowledge_parcels(transaction, number, batch.acknowledged)
                self._database.post.enqueue(transaction, self._namespace, outbox, clock)
            return Committed(clock, repeated)

        return await self._write(job)

    async def mark_attempts(
        self, queue: MailboxQueue, epoch: int, actors: Sequence[str], node: str, *, before: str = ""
    ) -> None:
        """Note attempts at actors; see `Store`."""

        def job(transaction: Transaction) -> None:
            number = self._fenced(transaction, queue, epoch)
            noted = {actor for actor, _ in select_actors(transaction, "SELECT actor, node FROM marks", number, actors)}
            first = [(number, actor, before) for actor in actors if before and actor not in noted]
            for mark in (*first, *((number, actor, node) for actor in actors)):
                transaction.execute("INSERT OR IGNORE INTO marks VALUES (?, ?, ?)", mark)

        await self._write(job)

    async def tried(self, queue: MailboxQueue, actors: Sequence[str]) -> list[frozenset[str]]:
        """Return who tried each actor."""

        def job(transaction: Transaction) -> list[frozenset[str]]:
            number = self._find(transaction, queue)
            rows = select_actors(transaction, "SELECT actor, node FROM marks", number, actors)
            return [frozenset(node for name, node in rows if name == actor) for actor in actors]

        return await self._read(job)

    async def due(self, queue: MailboxQueue, limit: int) -> Due:
        """Return due timers; see `Store`."""

        def job(transaction: Transaction) -> Due:
            clock = self._clock()
            rows = transaction.rows(
                "SELECT actor, run, number, at FROM timers WHERE queue = ? ORDER BY at, actor, run, number LIMIT ?",
                (self._find(transaction, queue), limit + 1),
            )
            timers = tuple(Timer(*row) for row in rows[:limit] if row[3] <= clock)
            return Due(clock, timers, rows[len(timers)][3] if len(rows) > len(timers) else 0.0)

        return await self._read(job)

    async def expire(self, queue: MailboxQueue, epoch: int, *, keep: int, limit: int) -> int:
        """Remove what is past its time; see `Store`."""

        def job(transaction: Transaction) -> int:
            number = self._fenced(transaction, queue, epoch)
            gone = expired_actors(transaction, number, self._clock(), keep, limit)
            remove_actors(transaction, number, gone)
            return len(gone)

        return await self._write(job)

    async def members(self, queue: MailboxQueue, actor: str, after: int, limit: int) -> list[Member]:
        """Return a page of a tag's members."""
        query = (
            "SELECT number, instance, run FROM members WHERE queue = ? AND actor = ? AND number > ?"
            " ORDER BY number LIMIT ?"
        )
        rows = await self._read(lambda reading: reading.rows(query, (self._find(reading, queue), actor, after, limit)))
        return [Member(*row) for row in rows]

    async def find_members(self, queue: MailboxQueue, actor: str, who: Sequence[tuple[str, str]]) -> list[int]:
        """Return join numbers."""
        query = "SELECT number FROM members WHERE queue = ? AND actor = ? AND instance = ? AND run = ?"

        def job(transaction: Transaction) -> list[int]:
            number = self._find(transaction, queue)
            found = [transaction.rows(query, (number, actor, *one)) for one in who]
            return [rows[0][0] if rows else 0 for rows in found]

        return await self._read(job)

    async def instances(self, queue: MailboxQueue, status: str, after: str, limit: int) -> list[InstanceRow]:
        """Return a page of a listing."""
        query = (
            "SELECT actor, run, status, updated FROM actors WHERE queue = ? AND status = ? AND actor > ?"
            " ORDER BY actor LIMIT ?"
        )
        rows = await self._read(lambda reading: reading.rows(query, (self._find(reading, queue), status, after, limit)))
        return [InstanceRow(*row) for row in rows]

    def _find(self, transaction: Transaction, queue: MailboxQueue) -> int:
        """Return a queue's number; one that has nothing for a queue that is not there."""
        return self._database.post.find(transaction, self._namespace, queue) or -1

    def _fenced(self, transaction: Transaction, queue: MailboxQueue, epoch: int) -> int:
        """Return a queue's number, or raise `StaleEpoch`."""
        number = self._find(transaction, queue)
        rows = transaction.rows("SELECT epoch, node FROM owners WHERE queue = ?", (number,))
        current, node = rows[0] if rows else (0, "")
        if not rows or current != epoch:
            raise StaleEpoch(f"{queue} is in epoch {current} (owner {node!r}), this commit is of {epoch}")
        return number
