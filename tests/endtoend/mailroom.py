"""What other applications start, signal and call by JSON."""

from __future__ import annotations

import asyncio
from typing import Protocol

from leveret import service, workflow


@service.define(name="Approval")
class Approval(Protocol):
    async def ask(self, what: str) -> bool: ...


class Approvals(Approval):
    @service.task(delegated=True)
    async def ask(self, what: str) -> bool:  # type: ignore[empty-body]
        """Left to whoever completes it."""


@workflow.define(name="Tally")
class Tally:
    steps = workflow.Channel[int]()

    def __init__(self) -> None:
        self.seen: list[int] = []

    async def run(self, count: int) -> list[int]:
        while len(self.seen) < count:
            self.seen.append(await self.steps.receive())
        return self.seen

    async def add(self, number: int) -> int:
        await asyncio.sleep(0)
        return len(self.seen) + number

    @workflow.query
    def total(self) -> int:
        return sum(self.seen)


@workflow.define(name="Purchase")
class Purchase:
    approval = workflow.service(Approval)

    async def run(self, what: str) -> str:
        try:
            return f"{what}: {await self.approval.ask(what)}"
        except Exception as error:
            return f"{what}: {type(error).__name__}"


@workflow.define(name="Broken")
class Broken:
    async def run(self) -> None:
        raise ValueError("no")


WORKFLOWS = [Tally, Purchase, Broken]
SERVICES = [Approvals]
