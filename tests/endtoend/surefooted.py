"""The crowd's code without its mistake, for nodes that take over from those that have it."""

from __future__ import annotations

from typing import Any

from leveret import workflow
from tests.endtoend.crowd import Crowd


@workflow.define(name="Crowd")
class Surefooted(Crowd):
    async def run(self) -> list[str]:
        return await super().run()

    def hear(self, word: str) -> None:
        """Go on."""


WORKFLOWS: list[type[Any]] = [Surefooted]
