"""What the database refuses, and what a group commit keeps apart."""

import asyncio
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from leveret_broker.embedded.database import Database, file_system_of
from leveret_broker.embedded.wakeup import Wakeups
from leveret_broker.embedded.worker import Transaction
from leveret_broker.errors import ConfigurationError, StoreRefused, StoreUnavailable


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("dear diary " * 1000)

    with pytest.raises(ConfigurationError, match="not a SQLite database"):
        await Database(path).open()

    assert path.read_text().startswith("dear diary")


async def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="not a directory"):
        await Database(tmp_path / "missing" / "x.db").open()


async def test_a_folder_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is a directory"):
        await Database(tmp_path).open()


async def test_a_folder_that_is_not_writable_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everywhere, so no mode would do

    with pytest.raises(ConfigurationError, match="not writable"):
        await Database(tmp_path / "x.db").open()


async def test_a_newer_format_is_refused(path: Path) -> None:
    database = Database(path)
    await database.open()
    await database.close()
    connection = sqlite3.connect(path)
    connection.execute("UPDATE leveret SET format = 99")
    connection.commit()
    connection.close()

    with pytest.raises(StoreRefused, match="upgrade leveret"):
        await Database(path).open()


async def test_a_network_file_system_is_known(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/sda / ext4 rw 0 0\nserver:/home {tmp_path} nfs4 rw 0 0\nproc /proc proc rw 0 0\n")

    assert file_system_of(tmp_path, mounts) == "nfs4"
    assert file_system_of(Path("/"), mounts) == "ext4"
    assert file_system_of(tmp_path, tmp_path / "missing") == ""


async def test_a_write_that_fails_fails_alone(path: Path) -> None:
    database = Database(path)
    await database.open()
    await database.write(lambda writing: writing.execute("CREATE TABLE t (x UNIQUE)"))

    def inserting(number: int) -> Callable[[Transaction], object]:
        return lambda writing: writing.execute("INSERT INTO t VALUES (?)", (number,)).rowcount

    def failing(writing: Transaction) -> object:
        writing.execute("INSERT INTO t VALUES (2)")
        raise ValueError("mine")

    futures: list[asyncio.Future[object]] = [
        database.write(inserting(1)),
        database.write(failing),
        database.write(inserting(1)),
        database.write(inserting(3)),
    ]
    outcomes = await asyncio.gather(*futures, return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [int, ValueError, StoreUnavailable, int]
    assert await database.read(lambda reading: reading.rows("SELECT x FROM t ORDER BY x")) == [(1,), (3,)]
    await database.close()


async def test_a_write_waits_for_another_process_without_holding_the_loop(path: Path) -> None:
    database = Database(path)
    await database.open()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    future = database.write(lambda writing: writing.execute("CREATE TABLE t (x)"))
    for _ in range(20):
        await asyncio.sleep(0)
    assert not future.done()
    other.execute("COMMIT")

    async with asyncio.timeout(20):
        await future
    other.close()
    await database.close()


async def test_it_is_not_used_after_a_fork(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = Database(path)
    await database.open()

    with monkeypatch.context() as patch:
        patch.setattr(os, "getpid", lambda: -1)
        with pytest.raises(ConfigurationError, match="fork"):
            database.write(lambda writing: writing.execute("SELECT 1"))
        with pytest.raises(ConfigurationError, match="fork"):
            database.read(lambda reading: reading.execute("SELECT 1"))

    await database.close()


async def test_a_closed_database_says_so(path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="not open"):
        Database(path).read(lambda reading: reading.execute("SELECT 1"))


async def test_closing_leaves_no_process_behind(path: Path) -> None:
    database = Database(path)
    await database.open()
    await database.open()
    await database.close()
    await database.read(lambda reading: reading.execute("SELECT 1"))
    await database.close()

    wake = path.with_name(path.name + "-wake")  # not there when the path is too long for sockets
    assert list(database.locks.iterdir()) == []
    assert not wake.exists() or list(wake.iterdir()) == []


async def test_nobody_looks_for_remains_while_it_closes(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    complaints = list[object]()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    close = Wakeups.close

    def tick_and_close(wakeups: Wakeups) -> None:
        wakeups.__dict__["_tick"]()
        close(wakeups)

    monkeypatch.setattr(Wakeups, "close", tick_and_close)
    database = Database(path)
    await database.open()
    await database.close()

    assert complaints == []


async def test_a_long_path_gets_its_sockets_elsewhere(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 90) / ("y" * 90)
    folder.mkdir(parents=True)
    database = Database(folder / "leveret.db")

    await database.open()
    await database.close()

    assert not (folder / "leveret.db-wake").exists()
