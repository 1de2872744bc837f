"""The part of the SQLite store that holds services back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from leveret_actors.store.restraints import Draw, Drawn, Entered, Entry, Seat, drawn, token
from leveret_actors.store.sqlite.base import SqliteBase
from leveret_broker.embedded.worker import Transaction

VERSION: Final = 1
SCHEMA: Final = """
CREATE TABLE buckets (
    namespace TEXT, bucket TEXT, full_at REAL NOT NULL, PRIMARY KEY (namespace, bucket)) WITHOUT ROWID;
CREATE INDEX buckets_by_time ON buckets (full_at);
CREATE TABLE paused (
    namespace TEXT, service TEXT, PRIMARY KEY (namespace, service)) WITHOUT ROWID
"""

SEATS_VERSION: Final = 1
SEATS_SCHEMA: Final = """
CREATE TABLE seats (
    namespace TEXT, room TEXT, seat TEXT, until REAL NOT NULL, PRIMARY KEY (namespace, room, seat)) WITHOUT ROWID;
CREATE INDEX seats_by_time ON seats (until)
"""


class SqliteRestraints(SqliteBase):
    """One row per bucket that is not full, one per seat that is taken, one per paused service."""

    async def draw(self, draws: Sequence[Draw]) -> list[Drawn]:
        """Take tokens; see `RestraintStore`."""

        def job(transaction: Transaction) -> list[Drawn]:
            clock = self._clock()
            transaction.execute("DELETE FROM buckets WHERE full_at <= ?", (clock,))
            return [self._draw(transaction, draw, clock) for draw in draws]

        return await self._write(job)

    async def enter(self, entries: Sequence[Entry], leaving: Sequence[Seat], seconds: float) -> list[Entered]:
        """Give up and take seats; see `RestraintStore`."""

        def job(transaction: Transaction) -> list[Entered]:
            clock = self._clock()
            transaction.execute("DELETE FROM seats WHERE until <= ?", (clock,))
            for seat in leaving:
                delete = "DELETE FROM seats WHERE namespace = ? AND room = ? AND seat = ?"
                transaction.execute(delete, (self._namespace, seat.room, seat.seat))
            return [self._enter(transaction, entry, clock, seconds) for entry in entries]

        return await self._write(job)

    async def stay(self, seats: Sequence[Seat], seconds: float) -> None:
        """Keep seats; see `RestraintStore`."""

        def job(transaction: Transaction) -> None:
            until = self._clock() + seconds
            for seat in seats:
                self._sit(transaction, seat.room, seat.seat, until)

        await self._write(job)

    def _enter(self, transaction: Transaction, entry: Entry, clock: float, seconds: float) -> Entered:
        query = "SELECT seat FROM seats WHERE namespace = ? AND room = ?"
        rows = transaction.rows(query, (self._namespace, entry.room)) if entry.seats else []
        taken = {str(seat) for (seat,) in rows}
        if entry.seats and len(taken) >= entry.seats and entry.seat not in taken:
            return Entered(inside=False)
        if entry.rate and not (found := self._draw(transaction, token(entry), clock)).count:
            return Entered(inside=False, wait=found.wait)
        if entry.seats:
            self._sit(transaction, entry.room, entry.seat, clock + seconds)
        return Entered(inside=True)

    def _sit(self, transaction: Transaction, room: str, seat: str, until: float) -> None:
        row = (self._namespace, room, seat, until)
        transaction.execute("INSERT OR REPLACE INTO seats VALUES (?, ?, ?, ?)", row)

    async def pause(self, service: str, *, paused: bool) -> bool:
        """Pause a service, or have it go on."""

        def job(transaction: Transaction) -> bool:
            about = (self._namespace, service)
            known = bool(transaction.rows("SELECT 1 FROM paused WHERE namespace = ? AND service = ?", about))
            if paused and not known:
                transaction.execute("INSERT INTO paused VALUES (?, ?)", about)
            elif known and not paused:
                transaction.execute("DELETE FROM paused WHERE namespace = ? AND service = ?", about)
            return known is not paused

        return await self._write(job)

    async def paused(self) -> set[str]:
        """Return who is paused."""
        query = "SELECT service FROM paused WHERE namespace = ?"
        rows = await self._read(lambda reading: reading.rows(query, (self._namespace,)))
        return {service for (service,) in rows}

    def _draw(self, transaction: Transaction, draw: Draw, clock: float) -> Drawn:
        query = "SELECT full_at FROM buckets WHERE namespace = ? AND bucket = ?"
        rows = transaction.rows(query, (self._namespace, draw.bucket))
        full_at, found = drawn(rows[0][0] if rows else 0.0, clock, draw)
        if found.count:
            transaction.execute(
                "INSERT OR REPLACE INTO buckets VALUES (?, ?, ?)", (self._namespace, draw.bucket, full_at)
            )
        return found
