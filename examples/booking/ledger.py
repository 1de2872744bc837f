"""The world outside: what the services really did, in one SQLite file, keyed by the idempotency key of each call."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

VARIABLE = "BOOKING_LEDGER"
"""Environment variable that names the file."""


class Ledger:
    """Counts every call, and lets each effect happen once per task id."""

    def __init__(self, path: Path | None = None) -> None:
        """Use `path`, or the file that the environment names."""
        self.path = path or Path(os.environ[VARIABLE])
        with closing(self._connect()) as connection, connection:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("CREATE TABLE IF NOT EXISTS calls (task TEXT)")
            connection.execute(
                "CREATE TABLE IF NOT EXISTS effects (task TEXT PRIMARY KEY, service TEXT, action TEXT, orderid TEXT)"
            )

    def called(self, task: str) -> None:
        """Note a call."""
        with closing(self._connect()) as connection, connection:
            connection.execute("INSERT INTO calls VALUES (?)", (task,))

    def effect(self, task: str, service: str, action: str, order: str) -> None:
        """Let it happen; a second time under the same task id changes nothing."""
        with closing(self._connect()) as connection, connection:
            connection.execute("INSERT OR IGNORE INTO effects VALUES (?, ?, ?, ?)", (task, service, action, order))

    def counts(self) -> tuple[int, dict[tuple[str, str], int]]:
        """Return the number of calls, and of effects by service and action."""
        with closing(self._connect()) as connection:
            calls = connection.execute("SELECT count(*) FROM calls").fetchone()[0]
            rows = connection.execute("SELECT service, action, count(*) FROM effects GROUP BY 1, 2").fetchall()
        return int(calls), {(service, action): int(count) for service, action, count in rows}

    def of_orders(self, prefix: str) -> dict[str, dict[tuple[str, str], int]]:
        """Return how often each effect happened to each order whose id begins so."""
        with closing(self._connect()) as connection:
            rows = connection.execute("SELECT orderid, service, action, count(*) FROM effects GROUP BY 1, 2, 3")
            found: dict[str, dict[tuple[str, str], int]] = {}
            for order, service, action, count in rows:
                if order.startswith(prefix):
                    found.setdefault(order, {})[service, action] = int(count)
        return found

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=30)
        connection.execute("PRAGMA synchronous=OFF")
        return connection
