"""The database file that the embedded transport and store share."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from leveret_broker.embedded.locks import FileLock, file_name, is_dead
from leveret_broker.embedded.post import EVENTS_SCHEMA, EVENTS_VERSION, SCHEMA, VERSION, Post
from leveret_broker.embedded.wakeup import Wakeups
from leveret_broker.embedded.worker import Transaction, Worker
from leveret_broker.errors import ConfigurationError, StoreRefused, StoreUnavailable
from leveret_broker.ids import new_id

T = TypeVar("T")

READ_SECONDS: Final = 1.0
"""How long a query may wait while another process recovers the file."""
NETWORK_FILE_SYSTEMS: Final = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "glusterfs", "lustre", "fuse.sshfs", "fuse.glusterfs"}
)
"""Where file locks do not hold what SQLite and we need."""

_PARTS: Final = "CREATE TABLE IF NOT EXISTS leveret (part TEXT PRIMARY KEY, format INTEGER NOT NULL)"


class Database:
    """One SQLite file; `open` and `close` count, so that a transport and a store may share it.

    It belongs to the event loop that opened it.
    Beside it stand `<file>-locks/` (who owns what) and `<file>-wake/` (how processes wake one another).
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path).absolute()
        self.locks = self.path.with_name(self.path.name + "-locks")
        self._users = 0
        self._opening = asyncio.Lock()
        self._worker: Worker | None = None
        self._wakeups: Wakeups | None = None
        self._alive: FileLock | None = None
        self._closing = False
        self.post = Post()

    async def open(self) -> None:
        """Open the file, creating it if need be.

        Raises `ConfigurationError` for a path that cannot be used, `StoreRefused` for a file that must not be.
        """
        async with self._opening:
            if self._users == 0:
                try:
                    await self._open()
                    await self.install("queues", VERSION, SCHEMA)
                    await self.install("events", EVENTS_VERSION, EVENTS_SCHEMA)
                except BaseException as error:
                    await self._close()
                    if not isinstance(error, OSError):
                        raise
                    raise ConfigurationError(f"{self.path} cannot be used: {error}") from error
            self._users += 1

    async def close(self) -> None:
        """Finish what is queued, then close, when the last who opened it says so."""
        async with self._opening:
            self._users -= 1
            if self._users == 0:
                await self._close()

    def write(self, job: Callable[[Transaction], T]) -> asyncio.Future[T]:
        """Queue a write; the future is done once it is durable, or failed having written nothing."""
        return self._opened().write(job)

    def read(self, job: Callable[[Transaction], T]) -> asyncio.Future[T]:
        """Run a query; it sees every write whose future was done before."""
        return self._opened().read(job)

    @property
    def wakeups(self) -> Wakeups:
        """The bells of this process."""
        if self._wakeups is None:
            raise StoreUnavailable(f"{self.path} is not open")
        return self._wakeups

    @property
    def alive(self) -> Path:
        """The file that this process keeps locked for as long as the database is open."""
        if self._alive is None:
            raise StoreUnavailable(f"{self.path} is not open")
        return self._alive.path

    def is_gone(self, name: str) -> bool:
        """Tell whether the process that kept the file of this name locked is gone."""
        return name != self.alive.name and is_dead(self.locks / name)

    async def install(self, part: str, version: int, script: str) -> None:
        """Create a part's tables, or check that this code can read those that are there."""

        def job(transaction: Transaction) -> None:
            transaction.execute(_PARTS)
            found = transaction.rows("SELECT format FROM leveret WHERE part = ?", (part,))
            if not found:
                for statement in script.split(";"):
                    transaction.execute(statement)
                transaction.execute("INSERT INTO leveret VALUES (?, ?)", (part, version))
            elif found[0][0] != version:
                newer = "upgrade leveret" if found[0][0] > version else "it is too old to be used: begin a new file"
                raise StoreRefused(f"{self.path}: its {part} has format {found[0][0]}, this is {version}: {newer}")

        await self.write(job)

    # -- below --------------------------------------------------------------------------------------------------------

    def _opened(self) -> Worker:
        if self._worker is None:
            raise StoreUnavailable(f"{self.path} is not open")
        return self._worker

    async def _open(self) -> None:
        if sqlite3.sqlite_version_info < (3, 35):
            raise ConfigurationError(f"SQLite {sqlite3.sqlite_version} is too old: 3.35 or newer is needed")
        self._check_place()
        self.locks.mkdir(exist_ok=True)
        worker = Worker(self._connect, self._committed)
        await worker.start()
        self._worker = worker
        self._alive = FileLock(self.locks / file_name("process", str(os.getpid()), new_id()))
        self._alive.acquire()
        loop = asyncio.get_running_loop()
        folder = self.path.with_name(self.path.name + "-wake")
        self._wakeups = Wakeups(folder, lambda: loop.call_soon_threadsafe(self._look_for_remains))

    async def _close(self) -> None:
        self._closing = True
        if self._worker is not None:
            await self._worker.stop()
        if self._wakeups is not None:
            await asyncio.to_thread(self._wakeups.close)
        if self._alive is not None:
            self._alive.path.unlink(missing_ok=True)
            self._alive.close()
        self._worker = self._wakeups = self._alive = None
        self._closing = False

    def _check_place(self) -> None:
        folder = self.path.parent
        if not folder.is_dir():
            raise ConfigurationError(f"{folder} is not a directory: create it, or name another file")
        if self.path.is_dir():
            raise ConfigurationError(f"{self.path} is a directory: name a file")
        if not os.access(folder, os.W_OK | os.X_OK):
            raise ConfigurationError(f"{folder} is not writable: SQLite keeps files beside {self.path.name} there")
        if self.path.exists() and not os.access(self.path, os.R_OK | os.W_OK):
            raise ConfigurationError(f"{self.path} is not readable and writable for this user")
        kind = file_system_of(folder)
        if kind in NETWORK_FILE_SYSTEMS:
            raise StoreRefused(f"{self.path} is on a network file system ({kind}), where locks do not hold: use a disk")

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=READ_SECONDS, isolation_level=None, cached_statements=512, check_same_thread=False
        )
        try:
            mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA wal_autocheckpoint = 8000")  # pages: 32 MB
            connection.execute("PRAGMA cache_size = -65536")
            connection.execute("PRAGMA mmap_size = 268435456")
        except sqlite3.OperationalError as error:
            connection.close()
            raise StoreUnavailable(f"{self.path}: {error}") from error
        except sqlite3.DatabaseError as error:
            connection.close()
            raise ConfigurationError(f"{self.path} is not a SQLite database ({error}): name another file") from error
        if mode != "wal":
            connection.close()
            raise StoreRefused(f"{self.path} cannot be switched to a write-ahead log (it is {mode})")
        return connection

    def _committed(self, transaction: Transaction) -> None:
        for call in transaction.after:
            call()
        if transaction.topics and self._wakeups is not None:
            self._wakeups.notify(dict.fromkeys(transaction.topics))

    def _look_for_remains(self) -> None:
        """Clean up after consumers whose process is gone."""
        if self._worker is None or self._alive is None or self._closing:
            return
        found = self._worker.read(self.post.processes)
        if found.exception() is None:
            gone = [name for name in found.result() if self.is_gone(name)]
            if gone:
                removed = self._worker.write(lambda writing: self.post.remove_processes(writing, gone))
                removed.add_done_callback(lambda done: done.exception())  # else the next look does it


def file_system_of(folder: Path, mounts: Path = Path("/proc/self/mounts")) -> str:
    """Return the kind of file system that holds a folder; empty where that cannot be told."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    place = str(folder.resolve())
    best, kind = "", ""
    for line in lines:
        _, point, found, *_ = line.split(" ")
        point = point.replace("\\040", " ")
        inside = place == point or place.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, found
    return kind
