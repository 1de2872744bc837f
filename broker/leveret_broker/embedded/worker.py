"""Group commit: what is asked for meanwhile runs in one transaction, and only waiting for the disk is a thread's work.

The statements run in the event loop. A thread that ran them would need the interpreter's lock back after each of them,
5 ms each time beside a busy loop (measured: 1 s for a commit of 50 turns).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, Final, Generic, TypeVar

from leveret_broker.errors import ConfigurationError, StoreUnavailable

T = TypeVar("T")

MAX_GROUP: Final = 200
"""Most jobs in one transaction: more would keep the first ones waiting."""
BUSY_SECONDS: Final = 10.0
"""How long a write waits for the other processes of the file."""
_BUSY_PAUSE: Final = 0.001
_BITS: Final = 9
"""Rows per statement are powers of two up to 512, so that few statements are ever compiled."""


class Transaction:
    """What a job may do: run statements, and say what shall happen once they are durable."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.topics: list[str] = []
        """Woken after the commit."""
        self.after: list[Callable[[], None]] = []
        """Called after the commit; must not fail."""

    def execute(self, sql: str, values: Sequence[object] = ()) -> sqlite3.Cursor:
        """Run one statement."""
        return self.connection.execute(sql, values)

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[Any]:
        """Run a query and return all of its rows."""
        return self.connection.execute(sql, values).fetchall()

    def each(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        """Run one statement for each of these rows of values."""
        if rows:
            self.connection.executemany(sql, rows)

    def many(self, before: str, rows: Sequence[Sequence[object]], after: str = "") -> None:
        """Run `before VALUES (?, …), … after` over all rows.

        Many rows travel in one statement.
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

    def __init__(self, run: Callable[[Transaction], T], future: asyncio.Future[T]) -> None:
        self.run = run
        self.future = future
        self.error: Exception | None = None
        self.result: T | None = None

    def resolve(self) -> None:
        """Hand the result over."""
        if self.future.done():
            return
        if self.error is None:
            self.future.set_result(self.result)  # type: ignore[arg-type]
        else:
            self.future.set_exception(self.error)


class Worker:
    """A connection that writes and one that reads, for the event loop that made it."""

    def __init__(self, connect: Callable[[], sqlite3.Connection], committed: Callable[[Transaction], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._process = os.getpid()
        self._connect = connect
        self._committed = committed
        self._jobs: list[Job[Any]] = []
        self._busy = False
        """A group is under way, or soon will be."""
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="leveret-commit")
        self._idle = asyncio.Event()
        self._idle.set()

    async def start(self) -> None:
        """Connect; raises what connecting raises."""
        self._writer = await self._loop.run_in_executor(self._thread, self._connect)
        self._writer.execute("PRAGMA busy_timeout = 0")  # never wait in the loop
        self._reader = await self._loop.run_in_executor(self._thread, self._connect)

    async def stop(self) -> None:
        """Finish what is queued, then close the connections."""
        await self._idle.wait()
        await self._loop.run_in_executor(self._thread, self._reader.close)
        await self._loop.run_in_executor(self._thread, self._writer.close)
        self._thread.shutdown(wait=False)

    def write(self, run: Callable[[Transaction], T]) -> asyncio.Future[T]:
        """Queue a write; the future is done once it is durable, or failed having written nothing."""
        self._check()
        job = Job(run, self._loop.create_future())
        self._jobs.append(job)
        if not self._busy:
            self._busy = True
            self._idle.clear()
            self._loop.call_soon(self._begin)
        return job.future

    def read(self, run: Callable[[Transaction], T]) -> asyncio.Future[T]:
        """Run a query; it sees every write whose future was done before."""
        self._check()
        job = Job(run, self._loop.create_future())
        transaction = Transaction(self._reader)
        try:
            self._reader.execute("BEGIN")
            job.result = run(transaction)
        except Exception as error:
            job.error = _translated(error)
        finally:
            if self._reader.in_transaction:
                self._reader.execute("COMMIT")
        self._committed(transaction)
        job.resolve()
        return job.future

    # -- one group after the other ------------------------------------------------------------------------------------

    def _begin(self) -> None:
        """Begin a transaction here, or let the thread wait until another process has finished its own."""
        try:
            self._writer.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            begun = self._loop.run_in_executor(self._thread, self._begin_patiently)
            begun.add_done_callback(self._begun)
        else:
            self._run_group()

    def _begin_patiently(self) -> None:
        end = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                self._writer.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                if time.monotonic() >= end:
                    raise
                time.sleep(_BUSY_PAUSE)
            else:
                return

    def _begun(self, begun: asyncio.Future[None]) -> None:
        error = begun.exception()
        if error is None:
            self._run_group()
        else:
            self._finish(self._next_group(), None, error)

    def _run_group(self) -> None:
        group = self._next_group()
        whole = Transaction(self._writer)
        before = self._writer.total_changes
        try:
            for job in group:
                self._run_job(whole, job)
            if self._writer.total_changes == before:
                self._writer.execute("COMMIT")
                self._finish(group, whole, None)
                return
        except Exception as error:
            self._finish(group, None, error)
            return
        committed = self._loop.run_in_executor(self._thread, self._writer.execute, "COMMIT")
        committed.add_done_callback(lambda done: self._finish(group, whole, done.exception()))

    def _finish(self, group: list[Job[Any]], whole: Transaction | None, error: BaseException | None) -> None:
        """Hand the results of a group over, and begin the next."""
        if error is not None:
            with contextlib.suppress(sqlite3.Error):
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
            for job in group:
                job.error = _translated(error)
        elif whole is not None:
            self._committed(whole)
        for job in group:
            job.resolve()
        if self._jobs:
            self._loop.call_soon(self._begin)
        else:
            self._busy = False
            self._idle.set()

    def _next_group(self) -> list[Job[Any]]:
        group = self._jobs[:MAX_GROUP]
        del self._jobs[:MAX_GROUP]
        return group

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

    def _check(self) -> None:
        if os.getpid() != self._process:
            raise ConfigurationError("the database was opened before a fork: open it in the process that uses it")
        if asyncio.get_running_loop() is not self._loop:
            raise ConfigurationError("the database was opened in another event loop: give each loop one of its own")


def _translated(error: BaseException) -> Exception:
    """Return the error of the one tree for an error of SQLite."""
    if isinstance(error, Exception) and not isinstance(error, sqlite3.Error):
        return error
    translated = StoreUnavailable(f"SQLite: {error}")
    translated.__cause__ = error
    return translated
