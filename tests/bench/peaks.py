"""What a node process, and Redis, have needed at most."""

from __future__ import annotations

import os
from pathlib import Path

from redis.asyncio import Redis

from tests.endtoend.house import Process


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
