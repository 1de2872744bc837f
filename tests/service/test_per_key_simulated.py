"""Limits for each key on a simulated clock: many seeds, tasks that take seconds, workers that are killed."""

from __future__ import annotations

import asyncio
from collections import Counter
from random import Random

import pytest

from leveret import service
from leveret.rate import Rate
from leveret.service import PerKey
from leveret_actors.service import LeaseKeeper, LeaseSweeper, ServiceRunner, room
from leveret_actors.settings import LeaseSettings, ServiceSettings
from leveret_actors.store.memory import MemoryStore
from leveret_broker.address import Address, MailboxQueue
from leveret_broker.codec import Codec
from leveret_broker.embedded.hub import forget_hub
from leveret_broker.embedded.memory import MemoryTransport
from leveret_broker.envelope import Envelope, Task, WorkflowCaller, decode, encode
from tests.simulation.loop import Process, SimulatedLoop

MAILBOX = MailboxQueue("Flow", 0)
TASKS = 120
SEATS = 2
RATE = Rate(2, burst=3)
LEASES = LeaseSettings(seconds=6.0, wait=0.1, after=20.0)
EPOCH = 1_000_000.0


class Ladder(MemoryTransport):
    """Delays are the broker's business: they outlive the process that asked for them."""

    waiting: list[tuple[float, Address, bytes]]

    def publish(
        self, address: Address, body: bytes, *, delay: float = 0.0, reason: str = "", source: str = ""
    ) -> asyncio.Future[None]:
        if not delay:
            return super().publish(address, body, reason=reason, source=source)
        loop = asyncio.get_running_loop()
        self.waiting.append((loop.time() + delay, address, body))
        confirmed: asyncio.Future[None] = loop.create_future()
        confirmed.set_result(None)
        return confirmed


class Simulation:
    """Three workers with four slots; nearly all tasks are of one key."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.loop = SimulatedLoop(self.random, lambda _: self.done)
        self.hub = f"per-key-{seed}"
        self.done = False
        self.workers: dict[str, tuple[Process, MemoryTransport]] = {}
        self.inside: dict[str, Counter[str]] = {}
        self.most: Counter[str] = Counter()
        self.begun: dict[str, list[float]] = {}
        self.kills = 0
        self.ladder: list[tuple[float, Address, bytes]] = []

    def clock(self) -> float:
        return EPOCH + self.loop.time()

    def run(self) -> None:
        self.loop.start("boss", self._boss)
        try:
            self.loop.run_forever()
        finally:
            self.loop.bury()
            self.loop.close()
            forget_hub(self.hub)

    async def work(self, name: str) -> None:
        """Do what a task does: a killed worker does not come to the end."""
        tenant = service.context().meta["tenant"]
        self.inside[name][tenant] += 1
        self.most[tenant] = max(self.most[tenant], sum(one[tenant] for one in self.inside.values()))
        self.begun.setdefault(tenant, []).append(self.loop.time())
        await asyncio.sleep(self.random.uniform(0.1, 3.0))
        self.inside[name][tenant] -= 1

    def _hire(self) -> None:
        name = f"w{len(self.inside)}"
        transport = self._transport()
        simulation = self

        class Shop:
            async def sell(self) -> None:
                await simulation.work(name)

        async def worker() -> None:
            store = MemoryStore(self.hub, clock=self.clock)
            await transport.open()
            await store.open()
            limits = ServiceSettings(per_key=PerKey("meta.tenant", concurrency=SEATS, rate=RATE))
            keeper = LeaseKeeper(store, holder=name, settings=LEASES)
            await ServiceRunner(
                service.instance(Shop()),
                transport,
                store,
                Codec(),
                worker=name,
                concurrency=4,
                settings=limits,
                clock=self.clock,
                leases=keeper,
            ).run()

        self.inside[name] = Counter()
        self.workers[name] = self.loop.start(name, worker), transport

    def _kill(self) -> None:
        name = self.random.choice(sorted(self.workers))
        process, transport = self.workers.pop(name)
        self.loop.kill(process)
        transport.hub.crash(transport)
        self.inside[name].clear()
        self.kills += 1

    async def _boss(self) -> None:
        for _ in range(3):
            self._hire()
        transport, store = self._transport(), MemoryStore(self.hub, clock=self.clock)
        await transport.open()
        await store.open()
        mailbox = await transport.subscribe_mailbox(MAILBOX)
        sweeper = LeaseSweeper(transport, store, node="boss", settings=LEASES, clock=self.clock)
        self.loop.create_task(sweeper.run())
        self.loop.create_task(self._reaper())
        self.loop.create_task(self._climb(transport))
        for number in range(TASKS):
            tenant = self.random.choice("aaaaaaabcd")
            caller = WorkflowCaller(MAILBOX, "i", "run", number)
            task = Task(f"run.{number}", "Shop", "sell", Codec().dump({}), caller, meta={"tenant": tenant})
            await transport.publish(task.queue, encode(Envelope(task.task_id, "", task)))
        ended: set[str] = set()
        while len(ended) < TASKS:
            deliveries = await mailbox.take()
            mailbox.acknowledge(deliveries)
            ended |= {decode(body).id for one in deliveries for body in one.bodies}
        self.done = True

    def _transport(self) -> Ladder:
        transport = Ladder(self.hub, "t", clock=self.clock)
        transport.waiting = self.ladder
        return transport

    async def _climb(self, transport: MemoryTransport) -> None:
        """Deliver what has waited."""
        while True:
            await asyncio.sleep(0.125)
            due = [one for one in self.ladder if one[0] <= self.loop.time()]
            self.ladder[:] = [one for one in self.ladder if one not in due]
            for _, address, body in due:
                await transport.publish(address, body)

    async def _reaper(self) -> None:
        while self.kills < 4:
            await asyncio.sleep(self.random.uniform(3, 10))
            self._kill()
            self._hire()


@pytest.mark.parametrize("seed", range(6))
def test_S15_no_key_has_more_than_its_seats_or_its_rate_none_waits_for_another_and_nothing_is_lost(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulation = Simulation(seed)
    monkeypatch.setattr(room, "random", simulation.random)

    simulation.run()

    assert simulation.done
    assert max(simulation.most.values()) == SEATS
    assert sum(map(len, simulation.begun.values())) >= TASKS
    for times in simulation.begun.values():
        for index, begin in enumerate(times):
            for count, end in enumerate(times[index:], 1):
                assert count <= RATE.most + (end - begin) * RATE.per_second + 1e-6
    last = {tenant: max(times) for tenant, times in simulation.begun.items()}
    others = [at for tenant, at in last.items() if tenant != "a"]
    assert max(others) < last["a"] / 2
