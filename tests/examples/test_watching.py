"""The example watching."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from examples.watching import sla
from examples.watching.audit import auditing
from leveret import Client, Handle, workflow
from leveret_actors import Node, Settings
from tests.conformance.house import DEADLINE, House

SETTINGS = Settings(mailboxes=1, heartbeat=0.2)


@workflow.define(name="Errand")
class Errand:
    words = workflow.Channel[str]()

    async def run(self) -> str:
        return await self.words.receive()


async def test_the_audit_trail_has_each_event_once_also_over_a_restart(url: str, tmp_path: Path) -> None:
    path = tmp_path / "audit.db"

    def trail() -> list[tuple[str, str]]:
        if not path.exists():
            return []
        with closing(sqlite3.connect(path)) as connection:
            tables = connection.execute("SELECT name FROM sqlite_master").fetchall()
            return connection.execute("SELECT subject, type FROM audit ORDER BY rowid").fetchall() if tables else []

    async with asyncio.timeout(DEADLINE):
        async with Node(url, workflows=[Errand], listeners=[auditing(path)], settings=SETTINGS), Client(url) as client:
            await client.dispatch(client.new(Errand, id="e").run)
        async with Node(url, workflows=[Errand], listeners=[auditing(path)], settings=SETTINGS), Client(url) as client:
            await client.get(Errand, id="e").words.send("word")
            while len(trail()) < 4:
                await asyncio.sleep(0.01)

    assert trail() == [("e", "dispatched"), ("e", "signalReceived"), ("e", "methodCompleted"), ("e", "completed")]


async def test_who_is_late_is_told_about_and_who_is_in_time_is_not(url: str) -> None:
    told = list[str]()

    def node() -> Node:
        return Node(
            url,
            workflows=[Errand, sla.Watch],
            services=[sla.Pager(told.append)],
            listeners=[sla.sla],
            settings=SETTINGS,
        )

    async def watch(run: str, status: str) -> Handle[Any]:
        handle = client.get("Watch", id=run)
        while (description := await handle.describe(DEADLINE)).data.get("status") != status:
            assert description.data.get("status") != "blocked"
            await asyncio.sleep(0.01)
        return handle

    async with asyncio.timeout(DEADLINE), Client(url) as client:
        async with node():
            quick = await client.dispatch(client.new(Errand, id="quick").run)
            late = await client.dispatch(client.new(Errand, id="late").run)
            descriptions: list[Any] = [await one.describe(DEADLINE) for one in (quick, late)]
            done, waits = [one.data["run"] for one in descriptions]
            await client.get(Errand, id="quick").words.send("done")
            await watch(done, "completed")
            await watch(waits, "running")
        async with node():
            await (await watch(waits, "running")).complete_timers()  # the hour is over
            await watch(waits, "completed")

    assert told == ["Errand late takes longer than 3600 s"]


async def test_a_watch_tells_who_is_late(house: House) -> None:
    told = list[str]()
    await house.open(sla.Watch, services=(sla.Pager(told.append),))

    late = await house.start(sla.Watch, "Errand late", 3600.0)
    await house.waiting(late, "timer")
    await late.complete_timers()

    assert await late.result(DEADLINE) == "late"
    assert told == ["Errand late takes longer than 3600 s"]
