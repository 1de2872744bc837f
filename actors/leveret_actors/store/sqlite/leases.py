"""The part of the SQLite store that is about leases."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from leveret_actors.store.leases import DELEGATED, ENDED, RUNNING, Lease, Renewal
from leveret_actors.store.sqlite.base import SqliteBase
from leveret_broker.embedded.worker import Transaction
from leveret_broker.ids import lives_of

_FIELDS: Final = "task, service, name, sequence, attempt, deaths, status, holder, until, body, parcel, progress"
_WITHOUT_BODIES: Final = _FIELDS.replace("body, parcel", "x'', x''")


class SqliteLeases(SqliteBase):
    """One row per task."""

    async def hold(self, leases: Sequence[Lease], seconds: float) -> list[Lease | None]:
        """Take leases; see `LeaseStore`."""

        def job(transaction: Transaction) -> list[Lease | None]:
            until = self._clock() + seconds
            return [self._hold_lease(transaction, lease, until) for lease in leases]

        return await self._write(job)

    async def renew(self, holder: str, renewals: Sequence[Renewal], seconds: float) -> list[str]:
        """Renew leases; see `LeaseStore`."""

        def job(transaction: Transaction) -> list[str]:
            until = self._clock() + seconds
            return [self._renew_lease(transaction, holder, one, until) for one in renewals]

        return await self._write(job)

    async def replace(self, old: Lease, new: Lease | None, seconds: float) -> bool:
        """Replace a lease; see `LeaseStore`."""

        def job(transaction: Transaction) -> bool:
            found = self._find_lease(transaction, old.task)
            if found is None:
                return new is None
            if new is not None and found.is_like(new):
                return True
            if not found.is_like(old):
                return False
            if new is None:
                self._remove_lease(transaction, old.task)
            else:
                self._put_lease(transaction, msgspec.structs.replace(new, until=self._clock() + seconds))
            return True

        return await self._write(job)

    async def claim_expired(self, holder: str, seconds: float, limit: int) -> list[Lease]:
        """Claim what is over its time; see `LeaseStore`."""
        query = f"SELECT {_FIELDS} FROM leases WHERE namespace = ? AND until <= ? ORDER BY until, task LIMIT ?"  # noqa: S608
        about = "SELECT 1 FROM leases WHERE namespace = ? AND until <= ? LIMIT 1"
        if not await self._read(lambda reading: reading.rows(about, (self._namespace, self._clock()))):
            return []  # without a place in the line of writers

        def job(transaction: Transaction) -> tuple[int, list[Lease]]:
            clock, claimed = self._clock(), list[Lease]()
            rows = transaction.rows(query, (self._namespace, clock, limit))
            for row in rows:
                found = _lease(row)
                if found.status in ENDED:
                    self._remove_lease(transaction, found.task)
                else:
                    claimed.append(msgspec.structs.replace(found, holder=holder, until=clock + seconds))
                    self._put_lease(transaction, claimed[-1])
            return len(rows), claimed

        while True:
            seen, claimed = await self._write(job)
            if claimed or seen < limit:
                return claimed

    async def find_leases(self, tasks: Sequence[str]) -> list[Lease | None]:
        """Return leases of tasks."""
        return await self._read(lambda reading: [self._find_lease(reading, task) for task in tasks])

    async def leases(self, after: str, limit: int) -> list[Lease]:
        """Return a page, by task id."""
        query = f"SELECT {_WITHOUT_BODIES} FROM leases WHERE namespace = ? AND task > ? ORDER BY task LIMIT ?"  # noqa: S608
        rows = await self._read(lambda reading: reading.rows(query, (self._namespace, after, limit)))
        return [_lease(row) for row in rows]

    def _end_leases(self, transaction: Transaction, lives: Iterable[str], until: float) -> None:
        """End the leases of revoked tasks."""
        for task, sequence in (one for life in lives for one in lives_of(life)):
            transaction.execute(
                "UPDATE leases SET status = 'cancelled', holder = '', body = x'', parcel = x'', until = ?"
                " WHERE namespace = ? AND task = ? AND sequence = ? AND status IN (?, ?)",
                (until, self._namespace, task, sequence, RUNNING, DELEGATED),
            )

    def _hold_lease(self, transaction: Transaction, lease: Lease, until: float) -> Lease | None:
        found = self._find_lease(transaction, lease.task)
        if found is not None and found.blocks(lease):
            return found
        self._put_lease(transaction, msgspec.structs.replace(lease, until=until))
        return None

    def _renew_lease(self, transaction: Transaction, holder: str, renewal: Renewal, until: float) -> str:
        found = self._find_lease(transaction, renewal.task)
        lost = renewal.lost(found, holder)
        if found is not None and not lost:
            progress = found.progress if renewal.progress is None else renewal.progress
            self._put_lease(transaction, msgspec.structs.replace(found, until=until, progress=progress))
        return lost

    def _find_lease(self, transaction: Transaction, task: str) -> Lease | None:
        query = f"SELECT {_FIELDS} FROM leases WHERE namespace = ? AND task = ?"  # noqa: S608
        rows = transaction.rows(query, (self._namespace, task))
        return _lease(rows[0]) if rows else None

    def _put_lease(self, transaction: Transaction, lease: Lease) -> None:
        row = (self._namespace, *msgspec.structs.astuple(lease))
        transaction.execute(f"INSERT OR REPLACE INTO leases VALUES ({', '.join('?' * len(row))})", row)  # noqa: S608

    def _remove_lease(self, transaction: Transaction, task: str) -> None:
        transaction.execute("DELETE FROM leases WHERE namespace = ? AND task = ?", (self._namespace, task))


def _lease(row: Any) -> Lease:
    return msgspec.convert(row, Lease)
