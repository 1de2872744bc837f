"""One backend, measured."""

from __future__ import annotations

import asyncio
import gc
import statistics
import time
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from leveret import Client
from leveret.url import Url
from leveret_actors.backends import backends
from leveret_actors.collecting import rarely_collecting
from leveret_actors.node import Node
from leveret_actors.store.contract import Batch, Committed, Store
from leveret_broker.address import MailboxQueue
from leveret_broker.transport import Transport
from tests.bench.hello import Greeter, Hello
from tests.bench.sampling import Sampler


@dataclass
class Figures:
    """What one backend did."""

    backend: str
    workflows: int
    seconds: float = 0.0
    loaded: list[float] = field(default_factory=list[float])
    """Seconds from start to result, each, while all run at once."""
    alone: list[float] = field(default_factory=list[float])
    """The same, one after another."""
    turns: int = 0
    commits: int = 0
    stages: dict[str, float] = field(default_factory=dict[str, float])
    """CPU microseconds per turn."""

    @property
    def rate(self) -> float:
        """Workflows per second."""
        return self.workflows / self.seconds


def quantile(values: list[float], share: float) -> float:
    """Return the value below which `share` of them lie."""
    return statistics.quantiles(values, n=1000, method="inclusive")[round(share * 1000) - 1]


class Counted:
    """Counts the turns and commits of a store."""

    def __init__(self, store: Store, figures: Figures) -> None:
        """Put itself before `store.commit`."""
        self._commit = store.commit
        self._figures = figures
        store.commit = self.commit  # type: ignore[method-assign]

    async def commit(self, queue: MailboxQueue, epoch: int, batch: Batch) -> Committed:
        """Count, then commit."""
        self._figures.turns += len(batch.actors)
        self._figures.commits += bool(batch.actors)
        return await self._commit(queue, epoch, batch)


async def measure(backend: str, url: str, workflows: int, window: int, alone: int) -> Figures:
    """Run `workflows` of them, `window` at a time, then `alone` more one after another; one process does it all."""
    figures = Figures(backend, workflows)
    transport, store = backends(Url.parse(url))
    Counted(store, figures)
    node = Node(transport=transport, store=store, workflows=[Hello], services=[Greeter()])
    with rarely_collecting():  # as `Node.run` does
        await _measure(figures, node, transport, workflows, window, alone)
    return figures


async def _measure(figures: Figures, node: Node, transport: Transport, workflows: int, window: int, alone: int) -> None:
    async with node, Client(transport=transport) as client:
        await _run(client, 50, window, [])
        figures.turns = figures.commits = 0
        gc.collect()
        with Sampler() as sampler:
            begun = time.perf_counter()
            await _run(client, workflows, window, figures.loaded)
            figures.seconds = time.perf_counter() - begun
        figures.stages = sampler.microseconds(figures.turns)
        turns, commits = figures.turns, figures.commits
        await _run(client, alone, 1, figures.alone)
        figures.turns, figures.commits = turns, commits


async def _run(client: Client, count: int, window: int, latencies: list[float]) -> None:
    slots = asyncio.Semaphore(window)
    prefix = uuid4().hex[:8]

    async def one(number: int) -> None:
        async with slots:
            begun = time.perf_counter()
            result: Any = await client.new(Hello, id=f"{prefix}-{number}").run("you")
            latencies.append(time.perf_counter() - begun)
            assert result == "hello you, yours"

    async with asyncio.TaskGroup() as group:
        for number in range(count):
            group.create_task(one(number))
