"""A workflow and a task that bring their node down, in processes that are there for it."""

from __future__ import annotations

import os
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


@workflow.define
class Employs:
    mortal = workflow.service(Mortal)

    async def run(self) -> str:
        return await self.mortal.work()
