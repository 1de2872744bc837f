"""A tag with many members: `python -m tests.bench.tags [--count N] [--on sqlite|servers]`; the node is a process."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from pathlib import Path

from redis.asyncio import Redis

from leveret import Client
from tests.endtoend import crowd
from tests.endtoend.audit import opened
from tests.endtoend.crowd import Crowd
from tests.endtoend.house import House, Process, until
from tests.servers import RabbitServer, RedisServer

PATIENCE = 3600.0


class Peaks:
    """CPU time and memory of the node, and memory of Redis where there is one."""

    def __init__(self, node: Process, redis: str) -> None:
        """Look at these."""
        self._node = node
        self._redis = redis
        self._used = 0.0

    async def forget(self) -> None:
        """Begin to look for the peak anew."""
        Path(f"/proc/{self._node.pid}/clear_refs").write_text("5")
        if self._redis:
            async with Redis.from_url(self._redis) as redis:
                await redis.config_resetstat()

    async def told(self) -> str:
        """Return what the node has used since the last time, and the peaks."""
        status = dict(line.split(":", 1) for line in Path(f"/proc/{self._node.pid}/status").read_text().splitlines())
        used = Path(f"/proc/{self._node.pid}/stat").read_text().rpartition(")")[2].split()
        seconds = (int(used[11]) + int(used[12])) / os.sysconf("SC_CLK_TCK")
        text = f"node {seconds - self._used:6.1f} s CPU, {int(status['VmHWM'].split()[0]) / 1024:.0f} MiB"
        self._used = seconds
        if self._redis:
            async with Redis.from_url(self._redis) as redis:
                memory = await redis.info("memory")
            text += f", Redis {memory['used_memory'] / 2**20:.0f} MiB (peak {memory['used_memory_peak'] / 2**20:.0f})"
        return text


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
