"""A workflow and a task that bring their node down, in processes that are there for it."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
from typing import Final

from leveret import workflow

VARIABLE: Final = "LEVERET_TESTS_POISON"
_deadly = VARIABLE in os.environ


@workflow.define
class Poison:
    async def run(self, dose: str) -> str:
        if dose == "deadly" and _deadly:
            os._exit(9)
        return dose


class Mortal:
    async def work(self) -> str:
        if _deadly:
            os._exit(9)
        return "survived"


class Fragile:
    async def die(self) -> str:
        """Kill the process in the way that its environment names, unless it names none."""
        way = os.environ.get(VARIABLE)
        if way == "exit":
            os._exit(9)
        if way == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if way == "segfault":
            ctypes.string_at(0)
        return "survived"

    async def live(self, number: int) -> int:
        await asyncio.sleep(0.1)
        return number


@workflow.define
class EmploysFragile:
    fragile = workflow.service(Fragile)

    async def run(self, neighbours: int) -> str:
        """Return the sum of the neighbours once the one that dies has been tried and ended."""
        poison = workflow.dispatch(self.fragile.die)
        others = [workflow.dispatch(self.fragile.live, number) for number in range(neighbours)]
        lived = sum(await workflow.all_of(others))
        return f"{await poison}, {lived}"


@workflow.define
class Employs:
    mortal = workflow.service(Mortal)

    async def run(self) -> str:
        return await self.mortal.work()


class Tiring:
    async def work(self) -> str:
        if _deadly:
            await asyncio.Event().wait()
        return "survived"


@workflow.define
class EmploysLong:
    tiring = workflow.service(Tiring)

    async def run(self) -> str:
        return await self.tiring.work()
