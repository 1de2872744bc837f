"""A workflow that has its secret everywhere: `word` is never to be seen outside of the processes."""

from __future__ import annotations

import asyncio
from typing import Literal

from leveret import TaskFailed, service, workflow


class Refused(Exception):
    def __init__(self, word: str) -> None:
        super().__init__(f"{word} is refused")
        self.word = word


@service.define
class Vault:
    async def keep(self, word: str) -> str:
        service.context().heartbeat({"kept": word})
        return f"kept {word}"

    async def refuse(self, word: str) -> str:
        raise Refused(word)

    @service.task(delegated=True)
    async def ask(self, word: str) -> str:
        return f"nobody sees {word}"


@workflow.define
class Child:
    async def run(self, word: str) -> str:
        raise Refused(word)


@workflow.define
class Secretive:
    vault = workflow.service(Vault)
    words = workflow.Channel[str]()
    colours = workflow.Channel[Literal["red", "green"]]()

    def __init__(self) -> None:
        self.word = ""

    async def run(self, word: str) -> list[str]:
        self.word = word
        kept = await self.vault.keep(word)
        failures: list[str] = []
        try:
            await self.vault.refuse(word)
        except TaskFailed as error:
            failures.append(error.failure.message)
        said = workflow.inline(lambda: f"inline {word}")
        signal = await self.words.receive()
        await workflow.new(Child).run(signal)
        return [kept, said, signal, *failures]

    @workflow.query
    def shown(self, prefix: str) -> str:
        return f"{prefix} {self.word}"

    async def beside(self, word: str) -> str:
        await asyncio.sleep(0)
        return f"beside {word}"


@workflow.define
class Collected:
    """Takes three words in order, and asks for one."""

    vault = workflow.service(Vault)
    words = workflow.Channel[str]()

    def __init__(self) -> None:
        self.motto = "word of the day"

    async def run(self, first: str) -> list[str]:
        kept = await self.vault.keep(first)
        return [kept, *[await self.words.receive() for _ in range(3)]]
