"""An order: two tasks, the second with a retry, a timer and a signal."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Protocol

from leveret import Retry, service, workflow
from tests.endtoend.house import LEDGER


def note(what: str) -> None:
    """Write down that a task did something, in one write that signal 9 cannot halve."""
    ledger = os.open(os.environ[LEDGER], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(ledger, f"{what} {service.context().instance}\n".encode())
    os.close(ledger)


async def at_the_gate() -> None:
    """Wait until the test opens the gate."""
    gate = Path(os.environ[LEDGER]).with_name("gate")
    while not gate.exists():
        await asyncio.sleep(0.01)


class Busy(Exception):
    """Raised by the first attempt at a charge."""


@service.define(name="Desk")
class Desk(Protocol):
    async def reserve(self, number: int) -> int: ...
    async def charge(self, number: int) -> int: ...
    async def linger(self, number: int) -> int: ...


class FrontDesk(Desk):
    async def reserve(self, number: int) -> int:
        note("reserve")
        return number * 2

    @service.task(retry=Retry(initial=0.05, factor=1, attempts=20, jitter=0))
    async def charge(self, number: int) -> int:
        if service.context().attempt == 1:
            raise Busy
        note("charge")
        return number * 3

    async def linger(self, number: int) -> int:
        note("lingers")
        await at_the_gate()
        note("lingered")
        return number


@workflow.define(name="Order")
class Order:
    desk = workflow.service(Desk)
    approvals = workflow.Channel[str]()

    async def run(self, number: int) -> str:
        reserved = await self.desk.reserve(number)
        await workflow.timer(seconds=0.1)
        approval = await self.approvals.receive()
        return f"{reserved} {approval} {await self.desk.charge(number)}"


@workflow.define(name="Lingering")
class Lingering:
    desk = workflow.service(Desk)

    async def run(self, number: int) -> int:
        return await self.desk.linger(number)


WORKFLOWS = [Order, Lingering]
SERVICES = [FrontDesk]
