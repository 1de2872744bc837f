"""Sends the tasks, kills the workers, and counts how everything ended."""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import redis.asyncio

from leveret.transports import make_transport
from leveret.url import Url
from leveret_actors import DeadLetters
from leveret_broker.address import MailboxQueue, ServiceQueue
from leveret_broker.codec import Codec
from leveret_broker.envelope import Ended, Envelope, Task, WorkflowCaller, decode, encode
from leveret_broker.outcome import DEAD_LETTERED, Completed, Failed
from leveret_broker.transport import Transport
from tests.soak.ledger import EFFECTS, POISONOUS, RUNS, fails

ROOT: Final = Path(__file__).parents[2]
MAILBOX: Final = MailboxQueue("Soak", 0)


@dataclass
class Soaked:
    """How it went."""

    sent: int
    ended: dict[int, set[str]] = field(default_factory=dict[int, set[str]])
    """By number: all that was told of it; each exactly one of completed, failed, dead-lettered."""
    kills: int = 0
    """By us; poison not counted."""
    seconds: float = 0.0
    effects: int = 0
    runs: int = 0
    letters: int = 0
    left: int = -1
    """Messages in the queue of the service at the end."""

    @property
    def counts(self) -> Counter[str]:
        """How many ended how; what was told to have ended in two ways is `contradicted`."""
        return Counter(next(iter(told)) if len(told) == 1 else "contradicted" for told in self.ended.values())

    @property
    def expected(self) -> Counter[str]:
        """What must come of these numbers, whoever is killed."""
        return Counter(_fate(number) for number in range(self.sent))


def _fate(number: int) -> str:
    if number % POISONOUS == POISONOUS - 1:
        return "dead-lettered"
    return "failed" if all(fails(number, attempt) for attempt in (1, 2, 3)) else "completed"


async def soak(url: str, effects: str, *, tasks: int, workers: int, pause: float, seconds: float) -> Soaked:
    """Run `tasks` tasks on `workers` processes, of which one is killed each `pause` seconds or so.

    Raises `TimeoutError` when not all have ended after `seconds`.
    """
    soaked, started = Soaked(tasks), time.monotonic()
    transport = make_transport(Url.parse(url))
    await transport.open(30)
    herding = asyncio.create_task(_herd(url, effects, workers, pause, soaked))
    try:
        async with asyncio.timeout(seconds):
            hearing = asyncio.create_task(_hear(transport, soaked))
            await _send(transport, tasks)
            await hearing
            soaked.seconds = time.monotonic() - started
            while (depth := await transport.inspect(ServiceQueue("Ledger"))) is None or depth.messages:
                await asyncio.sleep(0.1)
            soaked.left = depth.messages
    finally:
        herding.cancel()
        await asyncio.wait({herding})
        await transport.close()
    async with redis.asyncio.Redis.from_url(effects) as receiver, DeadLetters(url) as letters:
        soaked.effects, soaked.runs = await receiver.scard(EFFECTS), int(await receiver.get(RUNS) or 0)
        soaked.letters = len([one async for one in letters.list(service="Ledger")])
    return soaked


async def _send(transport: Transport, tasks: int) -> None:
    codec, queue = Codec(), ServiceQueue("Ledger")
    for number in range(tasks):
        caller = WorkflowCaller(MAILBOX, "soak", "run", number)
        task = Task(f"soak.{number}", "Ledger", "book", codec.dump({"number": number}), caller)
        transport.publish(queue, encode(Envelope(task.task_id, "", task)))
        await transport.flow()


async def _hear(transport: Transport, soaked: Soaked) -> None:
    subscription = await transport.subscribe_mailbox(MAILBOX)
    while len(soaked.ended) < soaked.sent:
        deliveries = await subscription.take()
        for message in (decode(body).message for one in deliveries for body in one.bodies):
            if isinstance(message, Ended):
                soaked.ended.setdefault(message.number, set()).add(_told(message))
        subscription.acknowledge(deliveries)


def _told(message: Ended) -> str:
    outcome = message.outcome
    if isinstance(outcome, Completed):
        return "completed"
    assert isinstance(outcome, Failed)
    return "dead-lettered" if outcome.failure.type == DEAD_LETTERED else "failed"


async def _herd(url: str, effects: str, workers: int, pause: float, soaked: Soaked) -> None:
    """Keep so many workers alive, and kill one at random now and then."""
    herd: list[asyncio.subprocess.Process] = []
    try:
        while True:
            herd = [worker for worker in herd if worker.returncode is None]
            while len(herd) < workers:
                herd.append(
                    await asyncio.create_subprocess_exec(
                        sys.executable, "-m", "tests.soak.ledger", url, effects, cwd=ROOT
                    )
                )
            killing = asyncio.get_running_loop().time() + pause * random.uniform(0.5, 1.5)
            while asyncio.get_running_loop().time() < killing and all(worker.returncode is None for worker in herd):
                await asyncio.sleep(0.05)
            if all(worker.returncode is None for worker in herd):
                random.choice(herd).kill()
                soaked.kills += 1
                await asyncio.sleep(0.05)
    finally:
        for worker in herd:
            if worker.returncode is None:
                worker.kill()
            await worker.wait()
