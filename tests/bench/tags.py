"""A tag with many members: `python -m tests.bench.tags [--count N] [--on sqlite|servers]`; the node is a process."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time

from leveret import Client
from tests.bench.peaks import Peaks
from tests.endtoend import crowd
from tests.endtoend.audit import opened
from tests.endtoend.crowd import Crowd
from tests.endtoend.house import House, until
from tests.servers import RabbitServer, RedisServer

PATIENCE = 3600.0


async def measure(url: str, count: int, redis: str = "") -> None:
    """Start, signal, retry, end; print how long each took and what it needed."""
    with House(url) as house:
        node = await house.serving("crowd")
        peaks = Peaks(node, redis)
        begun = time.perf_counter()

        async def step(what: str, start: float) -> None:
            seconds = time.perf_counter() - start
            say(f"{what:32} {seconds:7.1f} s {count / seconds:8.0f}/s   {await peaks.told()}")
            await peaks.forget()

        async with Client(house.url) as client:
            await crowd.gather_crowd(client, count)
            await step("start (broker has them)", begun)

            async def all_run() -> bool:
                return await crowd.how_many(house.url, "running") == count

            await until(all_run, "all run", PATIENCE, every=2)  # to count them is work for the store
            await step("start (all have run)", begun)
            everybody = client.all(Crowd, tag=crowd.TAG)
            begun = time.perf_counter()
            await crowd.tell(client, "one")
            assert (await client.complete_timers(everybody, timeout=PATIENCE)).count == count
            await step("signal, and a verb, sent to all", begun)
            begun = time.perf_counter()
            await client.retry_tasks(everybody, timeout=PATIENCE)
            await step("retry_tasks, sent to all", begun)
            begun = time.perf_counter()
            await crowd.tell(client, "two", crowd.END)
            async with opened(house.url) as (transport, store):
                await until(lambda: crowd.is_empty(transport, store), "all have left", PATIENCE)
            await step("two signals, ended, left", begun)
        assert await crowd.results(house.url) == {("one", "two"): count}
        assert await node.stop() == 0


def say(line: str) -> None:
    """Print at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


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
