"""A listener that keeps what happened to orders in a small table of SQL, and what that table says."""

from __future__ import annotations

import os
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from leveret import events, listener
from tests.endtoend.house import LEDGER
from tests.stream.orders import Order

FILE: Final = "totals.db"
SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS happened (
    id TEXT PRIMARY KEY, at REAL, heard REAL, type TEXT, instance TEXT, name TEXT, channel TEXT, message TEXT)
"""
WANTED: Final[list[events.EventType]] = [
    events.WorkflowDispatched,
    events.WorkflowCompleted,
    events.SignalReceived,
]
"""Not `SignalDiscarded`: a second copy of a signal is told to be, when it comes after the end of its order."""
WAIT: Final = 0.01
"""Seconds that an event waits for others, to be written together."""
ORDERS: Final = """
SELECT name, group_concat(state, ' and ') FROM (
    SELECT max(name) AS name, CASE WHEN NOT max(type = 'completed') THEN 'open'
                                   WHEN max(channel = 'shipped') THEN 'completed' ELSE 'cancelled' END AS state
    FROM happened GROUP BY instance)
GROUP BY name
"""
"""One state for each order; two instances for one order would have two."""
SIGNALS: Final = "SELECT channel, count(*) FROM happened WHERE type = 'signalReceived' GROUP BY channel"


@dataclass(frozen=True)
class Totals:
    """What is known of all orders."""

    orders: dict[str, str]
    """`completed`, `cancelled` or `open`, by order."""
    signals: Counter[str]
    """How many were received, by channel."""

    @property
    def states(self) -> Counter[str]:
        return Counter(self.orders.values())

    @property
    def rows(self) -> int:
        """How many events tell that."""
        return len(self.orders) + sum(self.signals.values()) + sum(one != "open" for one in self.orders.values())


def watching(file: Path) -> Callable[[list[events.WorkflowEvent]], None]:
    """Return the listener that writes into this file."""

    @listener(group="totals", workflows=[Order], types=WANTED, batch=1000, wait=WAIT)
    def watch(batch: list[events.WorkflowEvent]) -> None:
        """Write many rows in one transaction; an event that comes again has its row already."""
        heard = time.time()
        with closing(sqlite3.connect(file)) as connection, connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(SCHEMA)
            rows = [_row(one, heard) for one in batch]
            connection.executemany("INSERT OR IGNORE INTO happened VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)

    return watch


def _row(event: events.WorkflowEvent, heard: float) -> tuple[Any, ...]:
    name = event.meta["order"] if isinstance(event, events.WorkflowDispatched) else ""
    channel, message = "", ""
    if isinstance(event, events.SignalReceived):
        channel, message = event.channel, event.message_id.partition("/")[0]
    return event.id, event.at, heard, event.type, event.instance, name, channel, message


def rows_in(file: Path) -> int:
    """Return how many events were heard."""
    return max([number or 0 for (number,) in _asked(file, "SELECT max(rowid) FROM happened")], default=0)


def totals_in(file: Path) -> Totals:
    """Return what the table says."""
    return Totals(dict(_asked(file, ORDERS)), Counter(dict(_asked(file, SIGNALS))))


def names_in(file: Path) -> dict[str, str]:
    """Return the order of each instance."""
    return dict(_asked(file, "SELECT instance, name FROM happened WHERE type = 'dispatched'"))


def reactions_in(file: Path) -> dict[str, tuple[float, float]]:
    """Return when each message had its effect: the time of the turn, and when the listener was told."""
    found = _asked(file, "SELECT message, at, heard FROM happened WHERE type = 'signalReceived'")
    return {message: (at, heard) for message, at, heard in found}


def _asked(file: Path, query: str) -> list[tuple[Any, ...]]:
    """Return what the table answers; nothing before it is there."""
    if not file.exists():
        return []
    with closing(sqlite3.connect(file)) as connection:
        there = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'happened'").fetchone()
        return connection.execute(query).fetchall() if there else []


LISTENERS = [watching(Path(os.environ.get(LEDGER, FILE)).with_name(FILE))]
