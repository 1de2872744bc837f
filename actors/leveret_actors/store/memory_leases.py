"""Leases in memory: a table that all memory stores of one name share, and the part of the store that is about it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import msgspec

from leveret_actors.store.leases import DELEGATED, ENDED, RUNNING, Lease, LeaseStore, Renewal
from leveret_broker.ids import lives_of

T = TypeVar("T")


class LeaseTable:
    """Leases by task."""

    def __init__(self) -> None:
        self.rows: dict[str, Lease] = {}

    def hold(self, lease: Lease, until: float) -> Lease | None:
        """Take a lease, or return what is in its way."""
        found = self.rows.get(lease.task)
        if found is not None and found.blocks(lease):
            return found
        self.rows[lease.task] = msgspec.structs.replace(lease, until=until)
        return None

    def renew(self, holder: str, renewal: Renewal, until: float) -> str:
        """Renew a lease; return what became of one that is lost."""
        found = self.rows.get(renewal.task)
        lost = renewal.lost(found, holder)
        if found is not None and not lost:
            progress = found.progress if renewal.progress is None else renewal.progress
            self.rows[renewal.task] = msgspec.structs.replace(found, until=until, progress=progress)
        return lost

    def replace(self, old: Lease, new: Lease | None, until: float) -> bool:
        """Replace a lease, unless it has changed."""
        found = self.rows.get(old.task)
        if found is None:
            return new is None
        if new is not None and found.is_like(new):
            return True
        if not found.is_like(old):
            return False
        if new is None:
            del self.rows[old.task]
        else:
            self.rows[old.task] = msgspec.structs.replace(new, until=until)
        return True

    def claim(self, holder: str, clock: float, until: float, limit: int) -> list[Lease]:
        """Claim what is over its time; forget what has ended."""
        over = sorted((row for row in self.rows.values() if row.until <= clock), key=lambda row: (row.until, row.task))
        for row in over:
            if row.status in ENDED:
                del self.rows[row.task]
        claimed = [row for row in over if row.status not in ENDED][:limit]
        claimed = [msgspec.structs.replace(row, holder=holder, until=until) for row in claimed]
        self.rows.update((row.task, row) for row in claimed)
        return claimed

    def end(self, lives: Iterable[str], until: float) -> None:
        """End the leases of revoked tasks."""
        for task, sequence in (one for life in lives for one in lives_of(life)):
            found = self.rows.get(task)
            if found is not None and found.sequence == sequence and found.status in {RUNNING, DELEGATED}:
                ended = msgspec.structs.replace(found, status="cancelled", holder="", body=b"", parcel=b"", until=until)
                self.rows[task] = ended


class MemoryLeases(LeaseStore, ABC):
    """The part of the memory store that is about leases."""

    _clock: Callable[[], float]

    @property
    @abstractmethod
    def _table(self) -> LeaseTable: ...

    @abstractmethod
    async def _effect(self, name: str, effect: Callable[[], T]) -> T: ...

    async def hold(self, leases: Sequence[Lease], seconds: float) -> list[Lease | None]:
        """Take leases; see `LeaseStore`."""
        return await self._effect(
            "hold", lambda: [self._table.hold(lease, self._clock() + seconds) for lease in leases]
        )

    async def renew(self, holder: str, renewals: Sequence[Renewal], seconds: float) -> list[str]:
        """Renew leases; see `LeaseStore`."""
        return await self._effect(
            "renew", lambda: [self._table.renew(holder, one, self._clock() + seconds) for one in renewals]
        )

    async def replace(self, old: Lease, new: Lease | None, seconds: float) -> bool:
        """Replace a lease; see `LeaseStore`."""
        return await self._effect("replace", lambda: self._table.replace(old, new, self._clock() + seconds))

    async def claim_expired(self, holder: str, seconds: float, limit: int) -> list[Lease]:
        """Claim what is over its time; see `LeaseStore`."""

        def effect() -> list[Lease]:
            clock = self._clock()
            return self._table.claim(holder, clock, clock + seconds, limit)

        return await self._effect("claim_expired", effect)

    async def find_leases(self, tasks: Sequence[str]) -> list[Lease | None]:
        """Return leases of tasks."""
        return await self._effect("find_leases", lambda: [self._table.rows.get(task) for task in tasks])

    async def leases(self, after: str, limit: int) -> list[Lease]:
        """Return a page, by task id."""

        def effect() -> list[Lease]:
            rows = sorted((row for row in self._table.rows.values() if row.task > after), key=lambda row: row.task)
            return [msgspec.structs.replace(row, body=b"", parcel=b"") for row in rows[:limit]]

        return await self._effect("leases", effect)
