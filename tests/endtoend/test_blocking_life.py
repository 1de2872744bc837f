"""The blocking client in threads, over forks, on event loops, and at the end of a script."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

import pytest

from leveret import workflow
from leveret.loop_thread import LoopThread
from leveret.sync import Client
from leveret_actors import Node
from leveret_broker.errors import ConfigurationError, TransportClosed
from tests.conformance.conftest import url

__all__ = ["url"]


@workflow.define(name="Doubling")
class Doubling:
    async def run(self, number: int) -> int:
        return number * 2


@workflow.define(name="Sleeping")
class Sleeping:
    async def run(self) -> None:
        await workflow.timer(days=1)


async def test_many_threads_share_one(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/life.db"

    def share() -> list[int]:
        with Client(url) as client, ThreadPoolExecutor(8) as threads:
            return list(threads.map(lambda number: client.run(client.new(Doubling).run(number)), range(64)))

    async with Node(url, workflows=[Doubling]):
        assert await asyncio.to_thread(share) == [number * 2 for number in range(64)]


def test_whoever_waits_while_it_closes_is_told() -> None:
    client = Client("memory://closing").open()
    handle = client.dispatch(client.new(Sleeping).run)

    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(handle.result)
        while not waiting.running():
            pass
        client.close()
        with pytest.raises(TransportClosed):
            waiting.result(30)
    with pytest.raises(TransportClosed, match="not open"):
        handle.result()
    client.close()


def test_whoever_asks_while_the_loop_comes_to_its_end_is_told() -> None:
    thread = LoopThread(nullcontext(), "late")
    late: list[Future[None]] = []

    async def ask(begun: asyncio.Event) -> None:
        begun.set()
        await asyncio.Event().wait()

    async def until_the_end() -> AsyncIterator[int]:
        try:
            yield 1
        finally:  # by the loop, after it has cancelled its tasks
            begun = asyncio.Event()
            late.append(threads.submit(lambda: thread.run(ask(begun))))
            await begun.wait()

    kept = until_the_end()

    async def step() -> int:
        return await anext(kept)

    with ThreadPoolExecutor(1) as threads:
        thread.run(step())
        thread.close()
        with pytest.raises(TransportClosed, match="closed meanwhile"):
            late[0].result(10)


async def test_an_event_loop_is_never_blocked() -> None:
    with pytest.raises(ConfigurationError, match=r"blocks: in async functions use leveret\.Client"):
        Client("memory://loop").open()

    client = await asyncio.to_thread(Client("memory://loop").open)
    with pytest.raises(ConfigurationError, match="blocks"):
        client.dispatch(client.new(Doubling).run, 1)
    await asyncio.to_thread(client.close)


def test_it_opens_again_after_it_was_closed_and_after_it_could_not_open(tmp_path: Path) -> None:
    client = Client(f"sqlite:///{tmp_path}/again.db")
    for _ in range(2):
        with client:
            assert client.dispatch(client.new(Doubling).run, 1).id


FORKING = """
import os, sys
from leveret.sync import Client
later = Client(sys.argv[1])
client = Client(sys.argv[1]).open()
client.run(client.new("Doubling", id="a").dispatch("run", {"number": 1}))
if (child := os.fork()) == 0:
    try:
        client.run(client.new("Doubling", id="b").dispatch("run", {"number": 1}))
    except Exception as error:
        print(type(error).__name__, error, flush=True)
    client.close()
    with Client(sys.argv[1]) as own:
        print(own.run(own.new("Doubling", id="c").dispatch("run", {"number": 1})).id, flush=True)
    print(later.open().run(later.new("Doubling", id="e").dispatch("run", {"number": 1})).id, flush=True)
    later.close()
    sys.exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
print(client.run(client.new("Doubling", id="d").dispatch("run", {"number": 1})).id, flush=True)
print(later.open().run(later.new("Doubling", id="f").dispatch("run", {"number": 1})).id, flush=True)
"""


@pytest.mark.parametrize("end", ["", "client.close()"], ids=["at-exit", "closed"])
async def test_a_fork_is_told_what_to_do_and_leaves_the_parents_client_alone(url: str, end: str) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", FORKING + end, url,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env={**os.environ},
    )  # fmt: skip
    async with asyncio.timeout(60):
        out, err = await process.communicate()

    error, *rest = out.decode().splitlines()
    assert "open one in each process" in error
    assert rest == ["c", "e", "7", "d", "f"]
    assert (process.returncode, err.decode()) == (0, "")
