"""The tables of the SQLite store, and how a batch changes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from leveret_actors.store.contract import ActorWrite, Batch, MemberWrite, too_few
from leveret_broker.embedded.worker import Transaction

VERSION: Final = 3
SCHEMA: Final = """
CREATE TABLE owners (
    queue INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, node TEXT NOT NULL, commits INTEGER NOT NULL DEFAULT 0,
    done BLOB NOT NULL);
CREATE TABLE actors (
    queue INTEGER, actor TEXT, run TEXT NOT NULL, status TEXT NOT NULL, state BLOB NOT NULL, closed INTEGER NOT NULL,
    stalled INTEGER NOT NULL, expires REAL NOT NULL, updated REAL NOT NULL,
    PRIMARY KEY (queue, actor)) WITHOUT ROWID;
CREATE INDEX actors_listed ON actors (queue, status, actor);
CREATE INDEX actors_stalled ON actors (queue, actor) WHERE stalled = 1;
CREATE INDEX actors_expiring ON actors (queue, expires) WHERE expires > 0;
CREATE INDEX actors_closed ON actors (queue, updated) WHERE closed = 1;
CREATE TABLE journal (
    queue INTEGER, actor TEXT, number INTEGER, records BLOB NOT NULL,
    PRIMARY KEY (queue, actor, number)) WITHOUT ROWID;
CREATE TABLE timers (
    queue INTEGER, actor TEXT, run TEXT, number INTEGER, at REAL NOT NULL,
    PRIMARY KEY (queue, actor, run, number)) WITHOUT ROWID;
CREATE INDEX timers_due ON timers (queue, at, actor, run, number);
CREATE TABLE members (
    queue INTEGER, actor TEXT, instance TEXT, run TEXT, number INTEGER NOT NULL,
    PRIMARY KEY (queue, actor, instance, run)) WITHOUT ROWID;
CREATE INDEX members_numbered ON members (queue, actor, number);
CREATE TABLE marks (
    queue INTEGER, actor TEXT, node TEXT, PRIMARY KEY (queue, actor, node)) WITHOUT ROWID;
CREATE TABLE nodes (
    namespace TEXT, node TEXT, seen REAL NOT NULL, until REAL NOT NULL, info BLOB NOT NULL,
    PRIMARY KEY (namespace, node)) WITHOUT ROWID;
CREATE TABLE task_notes (
    namespace TEXT, task TEXT, attempt INTEGER NOT NULL DEFAULT 0, attempt_until REAL NOT NULL DEFAULT 0,
    revoked_until REAL NOT NULL DEFAULT 0, PRIMARY KEY (namespace, task)) WITHOUT ROWID;
CREATE TABLE leases (
    namespace TEXT, task TEXT, service TEXT NOT NULL, name TEXT NOT NULL, sequence INTEGER NOT NULL,
    attempt INTEGER NOT NULL, deaths INTEGER NOT NULL, status TEXT NOT NULL, holder TEXT NOT NULL, until REAL NOT NULL,
    body BLOB NOT NULL, parcel BLOB NOT NULL, progress BLOB NOT NULL,
    PRIMARY KEY (namespace, task)) WITHOUT ROWID;
CREATE INDEX leases_by_time ON leases (namespace, until, task);
CREATE TABLE outcomes (
    namespace TEXT, task TEXT, record BLOB NOT NULL, until REAL NOT NULL,
    PRIMARY KEY (namespace, task)) WITHOUT ROWID;
CREATE INDEX outcomes_by_time ON outcomes (until);
CREATE TABLE letters (
    namespace TEXT, id TEXT, at REAL NOT NULL, source TEXT NOT NULL, reason TEXT NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (namespace, id)) WITHOUT ROWID;
CREATE INDEX letters_by_age ON letters (namespace, at, id)
"""

REMEMBERED: Final = 16
"""Batch ids that a queue remembers, to recognise a repetition."""
_PART: Final = 500
"""Names in one `IN (…)`."""

_UPSERT: Final = """ON CONFLICT (queue, actor) DO UPDATE SET
    run = excluded.run, status = excluded.status, state = excluded.state, closed = excluded.closed,
    stalled = excluded.stalled, expires = excluded.expires, updated = excluded.updated"""

_ids = msgspec.msgpack.Decoder(tuple[str, ...])
_records = msgspec.msgpack.Decoder(tuple[bytes, ...])


def unpack_records(data: bytes) -> tuple[bytes, ...]:
    """Return the journal records that one turn appended."""
    return _records.decode(data)


def write_batch(transaction: Transaction, queue: int, batch: Batch, clock: float) -> bool:
    """Write a batch, its outbox and acknowledgements excepted; True when that had been done before.

    Raises `StoreError` having written nothing.
    """
    commits, done = transaction.rows("SELECT commits, done FROM owners WHERE queue = ?", (queue,))[0]
    known = _ids.decode(done)
    if batch.id in known:
        return True
    cuts = [cut for write in batch.actors if write.dropped for cut in _cuts(transaction, queue, write)]
    known = (*known[1 - REMEMBERED :], batch.id)
    transaction.execute(
        "UPDATE owners SET commits = ?, done = ? WHERE queue = ?", (commits + 1, msgspec.msgpack.encode(known), queue)
    )
    kept = [write for write in batch.actors if not write.delete]
    _clear_marks(transaction, queue, [*(write.actor for write in batch.actors), *batch.survived])
    remove_actors(transaction, queue, [write.actor for write in batch.actors if write.delete])
    _delete(transaction, "journal", queue, [write.actor for write in kept if write.new_run])
    _write_actors(transaction, queue, kept, clock)
    _cut(transaction, queue, cuts)
    _append(transaction, queue, kept, commits + 1)
    _write_timers(transaction, queue, kept)
    _write_members(transaction, queue, batch.members)
    return False


def remove_actors(transaction: Transaction, queue: int, actors: Sequence[str]) -> None:
    """Remove everything of these actors."""
    for table in ("actors", "journal", "timers", "members", "marks"):
        _delete(transaction, table, queue, actors)


def expired_actors(transaction: Transaction, queue: int, clock: float, keep: int, limit: int) -> list[str]:
    """Return actors that are past their time, then those closed beyond the newest `keep`, oldest first."""
    query = "SELECT actor FROM actors WHERE queue = ? AND expires > 0 AND expires <= ? ORDER BY expires LIMIT ?"
    gone: list[str] = [actor for (actor,) in transaction.rows(query, (queue, clock, limit))]
    if len(gone) == limit:
        return gone
    living = "queue = ? AND closed = 1 AND (expires = 0 OR expires > ?)"
    count = transaction.rows(f"SELECT count(*) FROM actors WHERE {living}", (queue, clock))[0][0]  # noqa: S608
    surplus = min(count - keep, limit - len(gone))
    if surplus > 0:
        query = f"SELECT actor FROM actors WHERE {living} ORDER BY updated, actor LIMIT ?"  # noqa: S608
        gone += [actor for (actor,) in transaction.rows(query, (queue, clock, surplus))]
    return gone


def select_actors(
    transaction: Transaction, query: str, queue: int, actors: Sequence[str], order: str = "actor"
) -> list[Any]:
    """Run a query that ends before `WHERE`, for these actors; the rows of one come in this order."""
    rows: list[Any] = []
    for start in range(0, len(actors), _PART):
        part = actors[start : start + _PART]
        marks = ", ".join("?" * len(part))
        rows += transaction.rows(f"{query} WHERE queue = ? AND actor IN ({marks}) ORDER BY {order}", (queue, *part))
    return rows


def _delete(transaction: Transaction, table: str, queue: int, actors: Sequence[str]) -> None:
    for start in range(0, len(actors), _PART):
        part = actors[start : start + _PART]
        marks = ", ".join("?" * len(part))
        transaction.execute(f"DELETE FROM {table} WHERE queue = ? AND actor IN ({marks})", (queue, *part))  # noqa: S608


def _clear_marks(transaction: Transaction, queue: int, actors: Sequence[str]) -> None:
    if transaction.rows("SELECT 1 FROM marks WHERE queue = ? LIMIT 1", (queue,)):
        _delete(transaction, "marks", queue, actors)


def _write_actors(transaction: Transaction, queue: int, writes: Sequence[ActorWrite], clock: float) -> None:
    rows = [
        (
            queue, write.actor, write.run, write.status, write.state, int(write.closed), int(write.stalled),
            write.expires, clock,
        )
        for write in writes
    ]  # fmt: skip
    transaction.many("INSERT INTO actors", rows, _UPSERT)


def _append(transaction: Transaction, queue: int, writes: Sequence[ActorWrite], commit: int) -> None:
    """Append one row per turn; the commit's number orders them."""
    rows = [(queue, write.actor, commit, msgspec.msgpack.encode(write.append)) for write in writes if write.append]
    transaction.many("INSERT INTO journal", rows)


def _cuts(transaction: Transaction, queue: int, write: ActorWrite) -> list[tuple[str, int, tuple[bytes, ...]]]:
    """Return (actor, row, records that stay in it) for the rows at the end of a journal that lose records."""
    cuts: list[tuple[str, int, tuple[bytes, ...]]] = []
    left = write.dropped
    query = "SELECT number, records FROM journal WHERE queue = ? AND actor = ? ORDER BY number DESC"
    rows = () if write.new_run or write.delete else transaction.execute(query, (queue, write.actor))
    for number, data in rows:
        records = unpack_records(data)
        stay = records[: max(0, len(records) - left)]
        left -= len(records) - len(stay)
        cuts.append((write.actor, number, stay))
        if not left:
            return cuts
    raise too_few(write, write.dropped - left)


def _cut(transaction: Transaction, queue: int, cuts: Sequence[tuple[str, int, tuple[bytes, ...]]]) -> None:
    gone = [(queue, actor, number) for actor, number, stay in cuts if not stay]
    transaction.each("DELETE FROM journal WHERE queue = ? AND actor = ? AND number = ?", gone)
    shorter = [(queue, actor, number, msgspec.msgpack.encode(stay)) for actor, number, stay in cuts if stay]
    transaction.many("INSERT OR REPLACE INTO journal", shorter)


def _write_timers(transaction: Transaction, queue: int, writes: Sequence[ActorWrite]) -> None:
    removed = [(queue, write.actor, run, number) for write in writes for run, number in write.timers_removed]
    transaction.each("DELETE FROM timers WHERE queue = ? AND actor = ? AND run = ? AND number = ?", removed)
    rows = [(queue, timer.actor, timer.run, timer.number, timer.at) for write in writes for timer in write.timers]
    transaction.many("INSERT OR REPLACE INTO timers", rows)


def _write_members(transaction: Transaction, queue: int, writes: Sequence[MemberWrite]) -> None:
    """Apply changes of members in their order: the last one of a member counts."""
    last = {(write.actor, write.instance, write.run): write.number for write in writes}
    removed = [(queue, *who) for who, number in last.items() if not number]
    transaction.each("DELETE FROM members WHERE queue = ? AND actor = ? AND instance = ? AND run = ?", removed)
    added = [(queue, *who, number) for who, number in last.items() if number]
    transaction.many("INSERT OR REPLACE INTO members", added)
