"""How late the next attempts of failed tasks come: `python -m tests.bench.delays [--longest SECONDS] [--each N]`."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from rich.console import Console
from rich.table import Table

from leveret import Client, service
from leveret.retry import RetryDetails
from leveret_actors import Node
from leveret_broker.rabbitmq.topology import RUNGS
from tests.servers import RabbitServer, RedisServer

DELAYS: Final = (0.02, 0.1, 0.2, 0.3, 0.7, 1.0, 1.9, 3.7, 7.3, 14.0, 29.0, 60.0)


class NotYet(Exception):
    """Says how long to wait."""

    def __init__(self, delay: float) -> None:
        super().__init__(f"in {delay} s")
        self.delay = delay


def as_said(details: RetryDetails) -> float | None:
    """A policy that does what the failure says."""
    return details.error.delay if isinstance(details.error, NotYet) else None


@service.define(name="Late", concurrency=256)
class Late:
    """Fails once, and returns how many seconds later it was tried again."""

    def __init__(self) -> None:
        self.failed: dict[str, float] = {}

    @service.task(retry=as_said)
    async def back(self, delay: float) -> float:
        context = service.context()
        if context.attempt == 1:
            self.failed[context.task_id] = time.monotonic()
            raise NotYet(delay)
        return time.monotonic() - self.failed[context.task_id]


@dataclass
class Lateness:
    """What came of one delay."""

    delay: float
    took: list[float] = field(default_factory=list[float])

    @property
    def allowed(self) -> float:
        """Seconds after which it would be too late: 20 % and 100 ms over."""
        return self.delay * 1.2 + 0.1

    @property
    def late(self) -> list[float]:
        """Seconds over, least first."""
        return sorted(took - self.delay for took in self.took)

    @property
    def good(self) -> bool:
        """Whether all came in time, none too early (the clocks' grain apart)."""
        return all(self.delay - 0.02 <= took <= self.allowed for took in self.took)


async def measure(url: str, delays: Sequence[float], each: int) -> list[Lateness]:
    """Have so many tasks fail for each delay, all at once."""
    async with Node(url, services=[Late()]), Client(url) as client:
        late = client.service(Late)
        for rung in RUNGS[:5]:  # the first message up a rung waits for its queue to be made
            await late.back(rung)
        found = [Lateness(delay) for delay in delays]

        async def one(row: Lateness) -> None:
            row.took.append(await late.back(row.delay))

        await asyncio.gather(*(one(row) for row in found for _ in range(each)))
    return found


def table(found: Sequence[Lateness]) -> Table:
    """Return the figures, a line a delay."""
    rows = Table(title="delay until the next attempt, RabbitMQ", title_justify="left")
    for name in ("delay", "late, median", "late, worst", "allowed", ""):
        rows.add_column(name, justify="right")
    for row in found:
        late = row.late
        middle, worst = f"{late[len(late) // 2] * 1000:.0f} ms", f"{late[-1] * 1000:.0f} ms"
        allowed = f"{(row.allowed - row.delay) * 1000:.0f} ms"
        rows.add_row(f"{row.delay:g} s", middle, worst, allowed, "" if row.good else "TOO LATE")
    return rows


def main() -> int:
    """Measure and print; 1 when one is too late."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--longest", type=float, default=60.0, help="leave out what is longer, in seconds")
    parser.add_argument("--each", type=int, default=5)
    arguments = parser.parse_args()
    delays = [delay for delay in DELAYS if delay <= arguments.longest]
    with RabbitServer() as rabbit, RedisServer() as redis:
        found = asyncio.run(measure(f"{rabbit.url}?store={redis.url}&ns=delays", delays, arguments.each))
    Console().print(table(found))
    return 0 if all(row.good for row in found) else 1


if __name__ == "__main__":
    sys.exit(main())
