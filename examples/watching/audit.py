"""An audit trail: all that happens to instances and tasks, each event once, in one table."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

import msgspec

from leveret import events, listener
from leveret.cloud_events import subject_of

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS audit (
    id TEXT PRIMARY KEY, at REAL NOT NULL, subject TEXT NOT NULL, type TEXT NOT NULL, data TEXT NOT NULL)
"""


def auditing(path: Path) -> Callable[[list[events.Event]], None]:
    """Return the listener that writes into this file."""

    @listener(group="audit", batch=200, wait=0.2)
    def audit(batch: list[events.Event]) -> None:
        """Write many rows in one transaction; an event that comes again has its row already."""
        rows = [(one.id, one.at, subject_of(one), one.type, msgspec.json.encode(one).decode()) for one in batch]
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(SCHEMA)
            connection.executemany("INSERT OR IGNORE INTO audit VALUES (?, ?, ?, ?, ?)", rows)

    return audit


audit = auditing(Path(os.environ.get("AUDIT_DB", "audit.db")))
audit.__module__ = __name__
