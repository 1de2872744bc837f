"""Work of every kind, for events of every type; in a process of its own: `python -m tests.egress.rich URL`.

`LEVERET_RICH=other` is a deployment whose code does not fit the journals of one kind of instance any more.
"""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import suppress
from typing import Final

from leveret import Client, LeveretError, service, workflow
from leveret.errors import DeferredError
from leveret_actors import Node, Settings
from leveret_actors.settings import EventSettings
from tests.egress.harness import SECONDS

SETTINGS: Final = Settings(mailboxes=1, heartbeat=0.2, fold_after=0, events=EventSettings(publish=()))
WANTED: Final = frozenset({
    "dispatched", "completed", "failed", "blocked", "cancelled", "timedOut",
    "methodDispatched", "methodCompleted", "methodFailed", "methodCancelled",
    "signalReceived", "signalDiscarded", "signalDispatched", "timerDispatched", "timerCompleted",
    "taskDispatched", "taskCompleted", "taskFailed", "taskTimedOut", "taskCancelled",
    "remoteMethodDispatched", "remoteMethodCompleted", "remoteMethodFailed", "remoteMethodTimedOut",
    "remoteMethodCancelled", "retryRequested",
})  # fmt: skip


@service.define(name="Works")
class Works:
    async def do(self, word: str) -> str:
        if word == "break":
            raise ValueError(word)
        return word

    @service.task(delegated=True)
    async def wait(self, word: str) -> None:
        """Is never completed."""


@workflow.define(name="Kid")
class Kid:
    inbox = workflow.Channel[str]()

    async def run(self, word: str) -> str:
        if word == "wait":
            return await self.inbox.receive()
        if word == "break":
            raise ValueError(word)
        return word

    async def echo(self, word: str) -> str:
        return word


@workflow.define(name="rich.Job")
class Job:
    works = workflow.service(Works)
    inbox = workflow.Channel[str]()
    live = workflow.Channel[str](buffered=False)

    async def tasks(self) -> None:
        """One that ends in each way."""
        called_off = workflow.dispatch(self.works.wait, "a")
        await self.works.do("a")
        for late in (
            workflow.task("Works.wait", {"word": "b"}, timeout=0.1),
            workflow.task("Works.do", {"word": "break"}),
        ):
            with suppress(DeferredError):
                await late
        await workflow.timer(seconds=0.05)
        called_off.cancel()

    async def others(self) -> None:
        """Children and other instances that end in each way."""
        me = workflow.info().id
        await workflow.new(Kid, id=f"{me}-good").run("good")
        waiting = workflow.dispatch(workflow.new(Kid, id=f"{me}-waits").run, "wait")
        called_off = workflow.dispatch(workflow.new(Kid, id=f"{me}-called-off").run, "wait")
        for word, timeout in (("break", 0), ("wait", 0.2)):
            with suppress(DeferredError):
                await workflow.new(Kid, id=f"{me}-{word}-{timeout}", timeout=timeout or None).run(word)
        await workflow.get(Kid, id=f"{me}-waits").echo("hello")
        await workflow.get(Kid, id=f"{me}-waits").inbox.send("enough")
        called_off.cancel()
        await waiting

    async def fails(self) -> str:
        await self.works.do("a")
        return await self.works.do("break")

    async def hears(self) -> str:
        """Wait for a word, with other methods beside."""
        return await self.inbox.receive()

    async def changes(self) -> str:
        """Ask for something else in another deployment."""
        await self.works.do(os.environ.get("LEVERET_RICH", "one")) if not _OTHER else await workflow.timer(seconds=1)
        return await self.inbox.receive()

    async def note(self, word: str) -> str:
        return await self.works.do(word)


_OTHER = os.environ.get("LEVERET_RICH") == "other"


async def drive(client: Client, names: list[str]) -> None:
    """Have each instance do its work, whoever dies meanwhile; returns once clients have nothing more to ask for."""
    async with asyncio.TaskGroup() as group:
        for name in names:
            for work in (_simple, _failing, _hearing, _cancelled):
                group.create_task(work(client, name))


async def _simple(client: Client, name: str) -> None:
    jobs = [await client.dispatch(client.new(Job, id=f"{name}-tasks").tasks)]
    jobs.append(await client.dispatch(client.new(Job, id=f"{name}-others").others))
    late = await client.dispatch(client.new(Job, id=f"{name}-late", timeout=0.3).hears)
    await client.dispatch(client.new(Job, id=f"{name}-changes").changes)
    for job in jobs:
        await job.result(4 * SECONDS)
    with suppress(LeveretError):
        await late.result(4 * SECONDS)
    await client.get(Job, id=f"{name}-late").inbox.send("too late", message_id=f"{name}-m1")


async def _failing(client: Client, name: str) -> None:
    handle = await client.dispatch(client.new(Job, id=f"{name}-fails").fails)
    with suppress(DeferredError):
        await handle.result(4 * SECONDS)
    await client.retry_tasks(handle, timeout=4 * SECONDS)


async def _hearing(client: Client, name: str) -> None:
    handle = await client.dispatch(client.new(Job, id=f"{name}-hears").hears)
    job = client.get(Job, id=f"{name}-hears")
    await job.note("a")
    with suppress(DeferredError):
        await job.note("break")
    beside = await client.dispatch(job.hears)
    await beside.cancel()
    await job.live.send("nobody receives", message_id=f"{name}-m2")
    await job.inbox.send("enough", message_id=f"{name}-m3")
    await handle.result(4 * SECONDS)


async def _cancelled(client: Client, name: str) -> None:
    handle = await client.dispatch(client.new(Job, id=f"{name}-cancelled").hears)
    await handle.cancel()
    with suppress(DeferredError):
        await handle.result(4 * SECONDS)


if __name__ == "__main__":
    asyncio.run(Node(sys.argv[1], workflows=[Job, Kid], services=[Works()], settings=SETTINGS).run())
