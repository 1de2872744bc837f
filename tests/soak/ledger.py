"""The service of the soak, and the process that hosts it: `python -m tests.soak.ledger URL EFFECTS`."""

from __future__ import annotations

import asyncio
import os
import sys
import zlib
from typing import Any, Final

import redis.asyncio

from leveret import service
from leveret.retry import Retry
from leveret_actors import Node
from leveret_actors.settings import LeaseSettings, Settings

POISONOUS: Final = 997
"""Each so many-th task kills its worker, always."""
EFFECTS: Final = "effects"
"""The receiver's set: what is booked twice is there once."""
RUNS: Final = "runs"
"""How many functions had their effect, twice counted twice."""


def fails(number: int, attempt: int) -> bool:
    """Tell whether this attempt fails: a third of all do, always the same ones."""
    return zlib.crc32(f"{number}/{attempt}".encode()) % 3 == 0


class Ledger:
    """Books each number with a receiver that drops duplicates by task id."""

    def __init__(self, receiver: redis.asyncio.Redis) -> None:
        self._receiver = receiver

    @service.task(retry=Retry(initial=0.1, factor=1, attempts=3))
    async def book(self, number: int) -> int:
        """Book a number, or fail, or kill."""
        context = service.context()
        if number % POISONOUS == POISONOUS - 1:
            os._exit(9)
        await asyncio.sleep(0.001 * (number % 10))
        if fails(number, context.attempt):
            raise ConnectionError(f"{number} at attempt {context.attempt}")
        pipe: Any = self._receiver.pipeline()
        await pipe.sadd(EFFECTS, context.task_id).incr(RUNS).execute()
        return number


SOON: Final = LeaseSettings(seconds=2.0, wait=0.2, deaths=3)


async def serve(url: str, effects: str) -> None:
    """Serve until killed."""
    async with redis.asyncio.Redis.from_url(effects) as receiver:
        await Node(url, services=[Ledger(receiver)], settings=Settings(heartbeat=0.5, leases=SOON)).run()


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:]))
