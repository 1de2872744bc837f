"""What the tests of events share: a workflow, a service, and an ear."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from leveret import events, listener, service, workflow
from leveret.events import Event
from leveret_actors import Node, Settings
from leveret_actors.settings import EventSettings

SECONDS: Final = 30.0
"""No wait of a test takes longer."""
QUIET: Final = Settings(mailboxes=1, heartbeat=0.2, events=EventSettings(publish=()))
"""Nothing is published but what listeners want."""


@service.define(name="Mill")
class Mill:
    @service.task(retry=lambda details: 0.0 if details.attempt < 2 else None)
    async def grind(self, word: str) -> str:
        if word == "stone" or (word == "twice" and service.context().attempt == 1):
            raise ValueError(word)
        return word

    @service.task(delegated=True)
    async def wait(self, word: str) -> None:
        """Be completed from outside."""


@workflow.define(name="Quick")
class Quick:
    async def run(self, word: str) -> str:
        return word


@workflow.define(name="shop.Slow")
class Slow:
    mill = workflow.service(Mill)
    words = workflow.Channel[str]()

    async def run(self, word: str) -> str:
        return await self.mill.grind(word)

    async def hear(self, count: int) -> list[str]:
        return [await self.words.receive() for _ in range(count)]

    async def delegate(self, word: str) -> str:
        result: str = await self.mill.wait(word)
        return result


class Ear:
    """A listener that remembers, in the order of the calls."""

    def __init__(self, **options: Any) -> None:
        self.heard: list[Event] = []
        self.calls: list[list[Event]] = []
        self.changed = asyncio.Event()

        async def hear(what: Any) -> None:
            found: list[Event] = what if options.get("batch") else [what]
            self.calls.append(found)
            self.heard += found
            self.changed.set()

        wanted: dict[str, Any] = {"group": "ear", **options}
        self.function: Callable[[Any], Awaitable[None]] = listener(**wanted)(hear)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until what was heard fulfils a condition."""
        try:
            async with asyncio.timeout(SECONDS):
                while not condition():
                    self.changed.clear()
                    await self.changed.wait()
        except TimeoutError:
            raise AssertionError(f"this never came about; heard was {self.types}") from None

    async def count(self, count: int) -> list[Event]:
        """Wait until so many events were heard."""
        await self.until(lambda: len(self.heard) >= count)
        return self.heard

    async def ended(self, *instances: str) -> None:
        """Wait until these instances are heard to be completed."""
        await self.until(lambda: set(instances) <= {one.instance for one in self.of(events.WorkflowCompleted)})

    def of(self, kind: type[Any]) -> list[Any]:
        """Return what was heard of a kind."""
        return [event for event in self.heard if isinstance(event, kind)]

    @property
    def types(self) -> list[str]:
        """The types of what was heard."""
        return [event.type for event in self.heard]


def node(url: str, *ears: Ear, settings: Settings = QUIET, hosts: bool = True) -> Node:
    """Return a node with these ears, and what the tests run."""
    listeners = [ear.function for ear in ears]
    code: tuple[list[type[Any]], list[object]] = ([Quick, Slow], [Mill()]) if hosts else ([], [])
    return Node(url, workflows=code[0], services=code[1], listeners=listeners, settings=settings)
