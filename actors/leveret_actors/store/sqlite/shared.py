"""The half of the SQLite store that belongs to the namespace: nodes, notes about tasks, dead letters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from leveret_actors.store.contract import DeadLetter, NodeRow
from leveret_actors.store.sqlite.leases import SqliteLeases
from leveret_actors.store.sqlite.listening import SqliteListeners
from leveret_actors.store.sqlite.outcomes import SqliteOutcomes
from leveret_actors.store.sqlite.restraints import SqliteRestraints
from leveret_broker.address import MailboxQueue
from leveret_broker.embedded.worker import Transaction

_info = msgspec.msgpack.Decoder(dict[str, str])


class SharedStore(SqliteLeases, SqliteListeners, SqliteOutcomes, SqliteRestraints):
    """What every node of the namespace may write."""

    # -- nodes --------------------------------------------------------------------------------------------------------

    async def heartbeat(self, node: str, info: dict[str, str], *, lifetime: float) -> None:
        """Say that a node lives, or (0) that it does not any more."""

        def job(transaction: Transaction) -> None:
            clock = self._clock()
            transaction.execute(
                "DELETE FROM nodes WHERE namespace = ? AND (node = ? OR until <= ?)", (self._namespace, node, clock)
            )
            if lifetime > 0:
                row = (self._namespace, node, clock, clock + lifetime, msgspec.msgpack.encode(info))
                transaction.execute("INSERT INTO nodes VALUES (?, ?, ?, ?, ?)", row)

        await self._write(job)

    async def nodes(self) -> list[NodeRow]:
        """Return the living nodes, by name."""
        query = "SELECT node, seen, info FROM nodes WHERE namespace = ? AND until > ? ORDER BY node"
        rows = await self._read(lambda reading: reading.rows(query, (self._namespace, self._clock())))
        return [NodeRow(node, seen, _info.decode(info)) for node, seen, info in rows]

    async def owners(self, queues: Sequence[MailboxQueue]) -> list[str | None]:
        """Return the living owners."""
        query = (
            "SELECT o.node FROM owners o JOIN nodes n ON n.namespace = ? AND n.node = o.node AND n.until > ?"
            " WHERE o.queue = ?"
        )

        def job(transaction: Transaction) -> list[str | None]:
            clock = self._clock()
            found = [
                transaction.rows(
                    query, (self._namespace, clock, self._database.post.find(transaction, self._namespace, queue) or -1)
                )
                for queue in queues
            ]
            return [rows[0][0] if rows else None for rows in found]

        return await self._read(job)

    # -- tasks --------------------------------------------------------------------------------------------------------

    async def revoke(self, task_ids: Sequence[str], until: float) -> None:
        """Remember revoked tasks."""

        def job(transaction: Transaction) -> None:
            self._forget_notes(transaction)
            rows = [(self._namespace, task, until) for task in dict.fromkeys(task_ids)]
            transaction.many(
                "INSERT INTO task_notes (namespace, task, revoked_until)",
                rows,
                "ON CONFLICT DO UPDATE SET revoked_until = max(revoked_until, excluded.revoked_until)",
            )
            self._end_leases(transaction, task_ids, until)

        await self._write(job)

    async def revoked(self, task_ids: Sequence[str]) -> set[str]:
        """Return which are revoked."""
        notes = await self._notes(task_ids)
        clock = self._clock()
        return {task for task, _, _, until in notes if until > clock}

    async def note_attempt(self, task_id: str, attempt: int, until: float) -> None:
        """Remember the highest attempt."""

        def job(transaction: Transaction) -> None:
            self._forget_notes(transaction)
            transaction.execute(
                "INSERT INTO task_notes (namespace, task, attempt, attempt_until) VALUES (?, ?, ?, ?)"
                " ON CONFLICT DO UPDATE SET attempt_until = max(attempt_until, excluded.attempt_until), attempt ="
                " CASE WHEN attempt_until > ? THEN max(attempt, excluded.attempt) ELSE excluded.attempt END",
                (self._namespace, task_id, attempt, until, self._clock()),
            )

        await self._write(job)

    async def attempts(self, task_ids: Sequence[str]) -> list[int]:
        """Return the highest noted attempts."""
        clock = self._clock()
        notes = {task: attempt for task, attempt, until, _ in await self._notes(task_ids) if until > clock}
        return [notes.get(task, 0) for task in task_ids]

    async def _notes(self, task_ids: Sequence[str]) -> list[Any]:
        query = "SELECT task, attempt, attempt_until, revoked_until FROM task_notes WHERE namespace = ? AND task = ?"

        def job(transaction: Transaction) -> list[Any]:
            return [row for task in task_ids for row in transaction.rows(query, (self._namespace, task))]

        return await self._read(job)

    def _forget_notes(self, transaction: Transaction) -> None:
        """Drop a few outdated notes: as each write may, none pile up."""
        transaction.execute(
            "DELETE FROM task_notes WHERE (namespace, task) IN (SELECT namespace, task FROM task_notes"
            " WHERE max(attempt_until, revoked_until) <= ? LIMIT 10)",
            (self._clock(),),
        )

    async def mailbox_count(self, kind: str, count: int = 0) -> int:
        """Return, or note, how many mailbox queues a kind has: the transport's word, for both share the file."""

        def job(transaction: Transaction) -> int:
            if count:
                transaction.execute("INSERT OR IGNORE INTO counts VALUES (?, ?, ?)", (self._namespace, kind, count))
            query = "SELECT count FROM counts WHERE namespace = ? AND kind = ?"
            rows = transaction.rows(query, (self._namespace, kind))
            return int(rows[0][0]) if rows else 0

        return await (self._write(job) if count else self._read(job))

    # -- dead letters -------------------------------------------------------------------------------------------------

    async def bury(self, letters: Sequence[DeadLetter]) -> None:
        """Keep dead letters."""
        rows = [
            (self._namespace, letter.id, letter.at, letter.source, letter.reason, letter.body) for letter in letters
        ]
        await self._write(lambda writing: writing.many("INSERT OR IGNORE INTO letters", rows))

    async def dead_letters(self, after: str, limit: int) -> list[DeadLetter]:
        """Return a page, oldest first; behind an id that is not there any more the pages begin anew."""
        query = "SELECT id, at, source, reason, body FROM letters WHERE namespace = ?"

        def job(transaction: Transaction) -> list[Any]:
            known = transaction.rows(
                "SELECT at, id FROM letters WHERE namespace = ? AND id = ?", (self._namespace, after)
            )
            if known:
                return transaction.rows(
                    f"{query} AND (at, id) > (?, ?) ORDER BY at, id LIMIT ?", (self._namespace, *known[0], limit)
                )
            return transaction.rows(f"{query} ORDER BY at, id LIMIT ?", (self._namespace, limit))

        rows = await self._read(job)
        return [
            DeadLetter(id=name, at=at, source=source, reason=reason, body=body)
            for name, at, source, reason, body in rows
        ]

    async def exhume(self, ids: Sequence[str]) -> int:
        """Remove dead letters."""
        query = "DELETE FROM letters WHERE namespace = ? AND id = ?"

        def job(transaction: Transaction) -> int:
            return sum(transaction.execute(query, (self._namespace, one)).rowcount for one in ids)

        return await self._write(job)
