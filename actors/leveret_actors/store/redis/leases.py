"""The part of the store on Redis that is about leases."""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence
from typing import TypeAlias

from leveret_actors.store.leases import Lease, LeaseStore, Renewal
from leveret_actors.store.redis import scripts
from leveret_actors.store.redis.keys import Keys
from leveret_actors.store.redis.link import Link
from leveret_actors.store.redis.wire import Argument

_Row: TypeAlias = list[bytes]


class RedisLeases(LeaseStore, ABC):
    """All leases share one hash tag with the other notes about tasks: a script may touch many."""

    _link: Link
    _keys: Keys

    async def hold(self, leases: Sequence[Lease], seconds: float) -> list[Lease | None]:
        """Take leases; see `LeaseStore`."""
        if not leases:
            return []
        flat = [field for lease in leases for field in _fields(lease)]
        rows = await self._link.run(scripts.HOLD, [self._leases()], [repr(seconds), *flat], as_type=list[_Row | None])
        return [None if row is None else _lease(row) for row in rows]

    async def renew(self, holder: str, renewals: Sequence[Renewal], seconds: float) -> list[str]:
        """Renew leases; see `LeaseStore`."""
        if not renewals:
            return []
        flat: list[Argument] = []
        for one in renewals:
            flat += [one.task, *one.order, int(one.progress is not None), one.progress or b""]
        found = await self._link.run(
            scripts.RENEW, [self._leases()], [holder, repr(seconds), *flat], as_type=list[bytes]
        )
        return [text.decode() for text in found]

    async def replace(self, old: Lease, new: Lease | None, seconds: float) -> bool:
        """Replace a lease; see `LeaseStore`."""
        fields = [*_fields(old), *(() if new is None else _fields(new))]
        arguments: list[Argument] = [repr(seconds), "drop" if new is None else "put", *fields]
        return bool(await self._link.run(scripts.REPLACE_LEASE, [self._leases()], arguments, as_type=int))

    async def claim_expired(self, holder: str, seconds: float, limit: int) -> list[Lease]:
        """Claim what is over its time; see `LeaseStore`. After a lost answer it comes when the claim is over."""
        arguments: list[Argument] = [holder, repr(seconds), limit]
        while True:
            seen, rows = await self._link.run(
                scripts.CLAIM_EXPIRED, [self._leases()], arguments, as_type=tuple[int, list[_Row]]
            )
            if rows or seen < limit:
                return [_lease(row) for row in rows]

    async def find_leases(self, tasks: Sequence[str]) -> list[Lease | None]:
        """Return leases of tasks."""
        if not tasks:
            return []
        rows = await self._link.run(
            scripts.FIND_LEASES, [self._leases()], list(tasks), as_type=list[_Row | None], writes=False
        )
        return [None if row is None else _lease(row) for row in rows]

    async def leases(self, after: str, limit: int) -> list[Lease]:
        """Return a page, by task id."""
        arguments: list[Argument] = [f"({after}" if after else "-", limit]
        rows = await self._link.run(scripts.LEASES, [self._leases()], arguments, as_type=list[_Row], writes=False)
        return [_lease(row) for row in rows]

    def _leases(self) -> str:
        return self._keys.shared("tasks", "leases")


def _fields(lease: Lease) -> list[Argument]:
    """Return a lease as the scripts take it: without its time."""
    return [
        lease.task, lease.service, lease.name, lease.sequence, lease.attempt, lease.deaths, lease.status, lease.holder,
        lease.body, lease.parcel, lease.progress,
    ]  # fmt: skip


def _lease(row: _Row) -> Lease:
    texts = [field.decode() for field in row[:9]]
    return Lease(
        task=texts[0],
        service=texts[1],
        name=texts[2],
        sequence=int(texts[3]),
        attempt=int(texts[4]),
        deaths=int(texts[5]),
        status=texts[6],
        holder=texts[7],
        until=float(texts[8]),
        body=row[9],
        parcel=row[10],
        progress=row[11],
    )
