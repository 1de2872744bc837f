"""The embedded store."""

from leveret_actors.store.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
