"""The code behind the contracts; callers never import it."""

from __future__ import annotations

from leveret import workflow
from tests.conformance.contracts import Farewell, Greeting, Words


@workflow.define
class PoliteGreeting(Greeting):
    words = workflow.service(Words)

    async def greet(self, name: str) -> str:
        return await self.words.join("Good day,", name)


@workflow.define
class PoliteFarewell(Farewell):
    words = workflow.service(Words)

    async def part(self, name: str) -> str:
        return await self.words.join("Farewell,", name)


class SpokenWords(Words):
    async def join(self, first: str, second: str) -> str:
        return f"{first} {second}"
