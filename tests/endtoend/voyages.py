"""A voyage: a task that runs for as long as the test wants, or one that somebody else completes."""

from __future__ import annotations

from typing import Protocol

from leveret import service, workflow
from tests.endtoend.shop import at_the_gate, note


@service.define(name="Fleet")
class Fleet(Protocol):
    async def sail(self, number: int) -> int: ...
    async def ask(self, number: int) -> int: ...


class Ships(Fleet):
    async def sail(self, number: int) -> int:
        note("sails")
        await at_the_gate()
        note("landed")
        return number * 2

    @service.task(delegated=True)
    async def ask(self, number: int) -> int:
        note("asked")
        return number


@workflow.define(name="Voyage")
class Voyage:
    fleet = workflow.service(Fleet)

    async def run(self, number: int) -> int:
        return await self.fleet.sail(number)

    async def advised(self, number: int) -> int:
        return await self.fleet.ask(number)


WORKFLOWS = [Voyage]
SERVICES = [Ships]
