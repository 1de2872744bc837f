"""A workflow whose turns tell much, and what they told."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from leveret import events, workflow
from leveret_actors.workflow import EngineSettings
from tests.workflow.harness import Driver, events_of


class Hotel:
    async def book(self, name: str) -> str:
        return name


@workflow.define(name="Stay")
class Stay:
    hotel = workflow.service(Hotel, timeout=60)
    words = workflow.Channel[str]()
    live = workflow.Channel[str](buffered=False)

    async def run(self) -> str:
        return await self.hotel.book("a")

    async def several(self) -> str:
        kept = workflow.dispatch(self.hotel.book, "a")
        workflow.dispatch(self.hotel.book, "b").cancel()
        dropped = workflow.dispatch(self.hotel.book, "c")
        await workflow.timer(5)
        dropped.cancel()
        return await kept

    async def listen(self) -> str:
        return await self.words.receive()

    async def fail(self) -> None:
        await self.hotel.book("a")

    async def child(self) -> None:
        await workflow.new("Other", id="c").call("run")

    async def speak(self) -> None:
        await workflow.get("Other", id="o").signal("words", "hello")
        await workflow.all("Other", tag="t").signal("words", "hello")


@workflow.define(name="Stay")
class Broken:
    async def run(self) -> str:
        await workflow.timer(3)
        return ""


def listening(*code: type[Any], settings: EngineSettings | None = None) -> Driver:
    return Driver(*(code or (Stay,)), listens=True, settings=settings)


def told(driver: Driver, turn: int = -1) -> list[events.WorkflowEvent]:
    """Return what a turn told, without the ids."""
    return [replace(event, id="") for event in events_of(driver.turns[turn])]


def names(driver: Driver) -> list[list[str]]:
    return [[event.type for event in events_of(turn)] for turn in driver.turns]
