"""The part of the SQLite store that knows who listens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from leveret_actors.store.sqlite.base import SqliteBase
from leveret_broker.embedded.worker import Transaction

VERSION: Final = 1
SCHEMA: Final = """
CREATE TABLE listeners (
    namespace TEXT, name TEXT, patterns TEXT NOT NULL, PRIMARY KEY (namespace, name)) WITHOUT ROWID
"""


class SqliteListeners(SqliteBase):
    """One row per group."""

    async def note_listener(self, group: str, patterns: Sequence[str]) -> None:
        """Note what a group wants."""
        row = (self._namespace, group, "\n".join(patterns))
        await self._write(lambda writing: writing.execute("INSERT OR REPLACE INTO listeners VALUES (?, ?, ?)", row))

    async def forget_listener(self, group: str) -> bool:
        """Forget a group."""

        def job(transaction: Transaction) -> bool:
            about = (self._namespace, group)
            return transaction.execute("DELETE FROM listeners WHERE namespace = ? AND name = ?", about).rowcount > 0

        return await self._write(job)

    async def listeners(self) -> dict[str, tuple[str, ...]]:
        """Return what the groups want."""
        query = "SELECT name, patterns FROM listeners WHERE namespace = ?"
        rows = await self._read(lambda reading: reading.rows(query, (self._namespace,)))
        return {name: tuple(patterns.split("\n")) for name, patterns in rows}
