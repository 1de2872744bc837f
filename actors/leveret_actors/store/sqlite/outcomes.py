"""The part of the SQLite store that is about tasks that clients called."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from leveret_actors.store.outcomes import Called, CallRecord
from leveret_actors.store.sqlite.base import SqliteBase
from leveret_broker.embedded.worker import Transaction

_FORGET: Final = (
    "DELETE FROM outcomes WHERE (namespace, task) IN (SELECT namespace, task FROM outcomes WHERE until <= ? LIMIT 10)"
)
"""A few outdated ones: as each write may, none pile up."""
_records = msgspec.msgpack.Decoder(CallRecord)


class SqliteOutcomes(SqliteBase):
    """One row per task."""

    async def note_calls(self, calls: Sequence[Called], seconds: float) -> list[CallRecord]:
        """Note calls; see `OutcomeStore`."""

        def job(transaction: Transaction) -> list[CallRecord]:
            transaction.execute(_FORGET, (self._clock(),))
            return [self._note_call(transaction, call, seconds) for call in calls]

        return await self._write(job)

    async def keep_outcome(self, call: Called, outcome: bytes, seconds: float) -> CallRecord:
        """Keep an outcome; see `OutcomeStore`."""

        def job(transaction: Transaction) -> CallRecord:
            found = self._find_call(transaction, call.task)
            record = found.ended(call, outcome)
            return record if record == found else self._put_call(transaction, call.task, record, seconds)

        return await self._write(job)

    def _note_call(self, transaction: Transaction, call: Called, seconds: float) -> CallRecord:
        record = self._find_call(transaction, call.task).noted(call)
        return record if record.outcome else self._put_call(transaction, call.task, record, seconds)

    def _find_call(self, transaction: Transaction, task: str) -> CallRecord:
        query = "SELECT record FROM outcomes WHERE namespace = ? AND task = ? AND until > ?"
        rows = transaction.rows(query, (self._namespace, task, self._clock()))
        return _records.decode(rows[0][0]) if rows else CallRecord()

    def _put_call(self, transaction: Transaction, task: str, record: CallRecord, seconds: float) -> CallRecord:
        row = (self._namespace, task, msgspec.msgpack.encode(record), self._clock() + seconds)
        transaction.execute("INSERT OR REPLACE INTO outcomes VALUES (?, ?, ?, ?)", row)
        return record
