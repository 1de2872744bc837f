"""A thread with a SQLite connection that runs what it is given in groups, one transaction per group."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any, Final, Generic, Literal, TypeVar

from leveret_broker.errors import LeveretError, StoreUnavailable

T = TypeVar("T")

MAX_GROUP: Final = 200
"""Most jobs in one transaction: more would keep the first ones waiting."""
_BITS: Final = 9
"""Rows per statement are powers of two up to 512, so that few statements are ever compiled."""


class Transaction:
    """What a job may do: run statements, and say what shall happen once they are durable."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.topics: list[str] = []
        """Woken after the commit."""
        self.after: list[Callable[[], None]] = []
        """Called after the commit, in the worker's thread; must not fail."""

    def execute(self, sql: str, values: Sequence[object] = ()) -> sqlite3.Cursor:
        """Run one statement."""
        return self.connection.execute(sql, values)

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[Any]:
        """Run a query and return all of its rows."""
        return self.connection.execute(sql, values).fetchall()

    def many(self, before: str, rows: Sequence[Sequence[object]], after: str = "") -> None:
        """Run `before VALUES (?, …), … after` over all rows.

        Many rows travel in one statement: each step of a statement lets go of the interpreter's lock, and getting
        it back from a busy event loop costs milliseconds.
        """
        start = 0
        while start < len(rows):
            count = 1 << min(_BITS, (len(rows) - start).bit_length() - 1)
            part = rows[start : start + count]
            sql = _statement(before, after, len(part[0]), count)
            self.connection.execute(sql, [value for row in part for value in row])
            start += count


@cache
def _statement(before: str, after: str, columns: int, rows: int) -> str:
    row = f"({', '.join('?' * columns)})"
    return f"{before} VALUES {', '.join([row] * rows)} {after}"


class Job(Generic[T]):
    """A function of a transaction, and where its result goes."""

    def __init__(self, run: Callable[[Transaction], T], loop: asyncio.AbstractEventLoop | None) -> None:
        self.run = run
        self.loop = loop
        self.future: asyncio.Future[T] | None = None if loop is None else loop.create_future()
        self.error: Exception | None = None
        self.result: T | None = None

    def resolve(self) -> None:
        """Hand the result over; in the job's loop."""
        if self.future is None or self.future.done():
            return
        if self.error is None:
            self.future.set_result(self.result)  # type: ignore[arg-type]
        else:
            self.future.set_exception(self.error)


class Worker:
    """The thread; `begin` is the statement that opens a group's transaction."""

    def __init__(
        self,
        name: str,
        connect: Callable[[], sqlite3.Connection],
        begin: Literal["BEGIN IMMEDIATE", "BEGIN DEFERRED"],
        committed: Callable[[Transaction], None],
    ) -> None:
        self._connect = connect
        self._begin = begin
        self._committed = committed
        self._jobs: queue.SimpleQueue[Job[Any] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._connected = threading.Event()
        self._failure: Exception | None = None

    def start(self) -> None:
        """Connect; raises what connecting raises. Blocks for the time that it takes."""
        self._thread.start()
        self._connected.wait()
        if self._failure is not None:
            self._thread.join()
            raise self._failure

    def submit(self, run: Callable[[Transaction], T]) -> asyncio.Future[T]:
        """Queue a job of the running loop."""
        loop = asyncio.get_running_loop()
        job = Job(run, loop)
        assert job.future is not None
        self._jobs.put(job)
        return job.future

    def post(self, run: Callable[[Transaction], object]) -> None:
        """Queue a job that nobody waits for; from any thread."""
        self._jobs.put(Job(run, None))

    def stop(self) -> None:
        """Finish what is queued, then close the connection. Blocks."""
        self._jobs.put(None)
        self._thread.join()

    def _run(self) -> None:
        try:
            connection = self._connect()
        except Exception as error:
            self._failure = error
            return
        finally:
            self._connected.set()
        ended = False
        while not ended:
            group, ended = self._next_group()
            if group:
                self._run_group(connection, group)
                _resolve_all(group)
        with contextlib.suppress(sqlite3.Error):
            connection.close()

    def _next_group(self) -> tuple[list[Job[Any]], bool]:
        group: list[Job[Any]] = []
        job = self._jobs.get()
        while job is not None:
            group.append(job)
            if len(group) == MAX_GROUP:
                return group, False
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                return group, False
        return group, True

    def _run_group(self, connection: sqlite3.Connection, group: list[Job[Any]]) -> None:
        whole = Transaction(connection)
        try:
            connection.execute(self._begin)
            for job in group:
                self._run_job(whole, job)
            connection.execute("COMMIT")
        except Exception as error:
            with contextlib.suppress(sqlite3.Error):
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
            for job in group:
                job.error = _translated(error)
            return
        self._committed(whole)

    @staticmethod
    def _run_job(whole: Transaction, job: Job[Any]) -> None:
        """Run one job so that its failure is its own."""
        connection = whole.connection
        transaction = Transaction(connection)
        connection.execute("SAVEPOINT job")
        try:
            job.result = job.run(transaction)
        except Exception as error:
            if not connection.in_transaction:  # SQLite gave the whole transaction up (disk full, I/O error)
                raise
            connection.execute("ROLLBACK TO job")
            job.error = _translated(error)
        else:
            whole.topics += transaction.topics
            whole.after += transaction.after
        connection.execute("RELEASE job")


def _resolve_all(group: Iterable[Job[Any]]) -> None:
    """Hand all results over, by one call into each loop."""
    loops: dict[asyncio.AbstractEventLoop, list[Job[Any]]] = {}
    for job in group:
        if job.loop is not None:
            loops.setdefault(job.loop, []).append(job)
    for loop, jobs in loops.items():
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_resolve_each, jobs)


def _resolve_each(jobs: Iterable[Job[Any]]) -> None:
    for job in jobs:
        job.resolve()


def _translated(error: Exception) -> Exception:
    """Return the error of the one tree for an error of SQLite."""
    if isinstance(error, LeveretError) or not isinstance(error, sqlite3.Error):
        return error
    text = f"SQLite: {error}"
    translated = StoreUnavailable(text)
    translated.__cause__ = error
    return translated
