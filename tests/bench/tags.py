"""A tag with many members: `python -m tests.bench.tags [--count N] [--on sqlite|servers]`; the nodes are processes.

All are signalled, retried and cancelled by it; the node is killed by signal 9 in the middle of the signal's fan-out. At
the end each journal must say that its instance got each of them once.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time

from leveret import Client
from leveret_actors.tag.lookup import PAGE
from tests.bench.peaks import Peaks
from tests.endtoend import audit, crowd
from tests.endtoend.crowd import STUMBLE, TAG, Crowd
from tests.endtoend.house import House, Process, until
from tests.servers import RabbitServer, RedisServer

PATIENCE = 3600.0
ONCE_EACH = ("Begun", "SignalAccepted", "Rewound", "CancelRequested")
"""What a journal must say."""


class Run:
    """One tag, from the first start to the last leave."""

    def __init__(self, house: House, count: int, redis: str = "") -> None:
        """Begin nothing yet; `redis` is the URL of a Redis whose memory is looked at."""
        self._house = house
        self._count = count
        self._redis = redis
        self._peaks: Peaks
        self._begun = 0.0

    async def whole(self) -> None:
        """Start, signal, retry, cancel; print how long each took and what it needed; check that each came once."""
        async with Client(self._house.url) as client:
            everybody = client.all(Crowd, tag=TAG)
            middle = max(2, self._count // PAGE // 2)  # pages; the first dies with nothing sent
            doomed = await self._node("crowd", fault=f"in-fan-out:{middle}")
            self._begun = time.perf_counter()
            await crowd.gather_crowd(client, self._count)
            await self._step("start (broker has them)")
            await self._all("running")
            await self._step("start (all have run)")

            self._begun = time.perf_counter()
            await crowd.tell(client, STUMBLE)
            assert await doomed.ended(PATIENCE) == -9, doomed.log
            reached = await crowd.under_way(self._house.url)
            assert 0 < reached < self._count
            say(f"killed by signal 9 when it was sent to {reached}")
            node = await self._node("crowd")
            await self._all("failed")
            await self._step("signal")

            assert await node.stop() == 0
            node = await self._node("surefooted")
            self._begun = time.perf_counter()
            answer = await client.retry_workflow_task(everybody, timeout=PATIENCE)
            assert answer.count == self._count, answer
            await self._all("running")
            await self._step("retry_workflow_task")

            self._begun = time.perf_counter()
            await client.cancel(everybody)
            async with audit.opened(self._house.url) as (transport, store):
                await until(lambda: crowd.is_empty(transport, store), "all have left", PATIENCE)
            await self._all("cancelled")
            await self._step("cancel, ended, left")
            assert await node.stop() == 0
        found = await audit.histories(self._house.url, "Crowd", "cancelled")
        assert found == {ONCE_EACH: self._count}, found
        say(f"{self._count} journals: each was signalled once, retried once, cancelled once")

    async def _node(self, *hosted: str, fault: str = "") -> Process:
        node = await self._house.serving(*hosted, fault=fault)
        self._peaks = Peaks(node, self._redis)
        return node

    async def _all(self, status: str) -> None:
        """Wait until all have a status, asking not too often: to count them is work for the store."""

        async def yes() -> bool:
            await asyncio.sleep(self._count / 50_000)
            return await crowd.how_many(self._house.url, status) == self._count

        await until(yes, f"all are {status}", PATIENCE)

    async def _step(self, what: str) -> None:
        seconds = time.perf_counter() - self._begun
        say(f"{what:26} {seconds:7.1f} s {self._count / seconds:8.0f}/s   {await self._peaks.told()}")
        await self._peaks.forget()


def say(line: str) -> None:
    """Print at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def measure(url: str, count: int, redis: str = "") -> None:
    """Make the run in a house of its own."""
    with House(url) as house:
        await Run(house, count, redis).whole()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--on", choices=("sqlite", "servers"), default="sqlite")
    asked = parser.parse_args()
    say(f"{asked.count} instances with one tag, on {asked.on}")
    if asked.on == "sqlite":
        asyncio.run(measure("sqlite:///{folder}/crowd.db?ns=crowd", asked.count))
        return
    with RabbitServer() as rabbit, RedisServer() as redis:
        asyncio.run(measure(f"{rabbit.url}?store={redis.url}&ns=crowd", asked.count, redis.url))


if __name__ == "__main__":
    main()
