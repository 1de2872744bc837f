"""Random programs: what they are made of, and the workflow that runs them.

A program is a list of strands, which run side by side; a strand is a list of statements. Strands share nothing, so that
what becomes of one does not depend on the order in which a turn steps them: that is what lets the model be simple.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from leveret import service, workflow
from leveret.deferred import Deferred
from leveret.errors import DeferredError

T = TypeVar("T")
Statement = list[Any]
Event = tuple[str, Any, Any]
"""What happens, to what, and with what."""
Batch = tuple[int, bool, list[Event]]
"""Seconds that pass, whether the actor is dropped then, and what comes."""

STRANDS = 3
SLOTS = 3


@service.define(name="Busy")
class Busy:
    async def work(self, label: str) -> str:
        return label


@workflow.define(name="Kid")
class Kid:
    async def run(self) -> str:
        return ""


@workflow.define(name="Program")
class Program:
    busy = workflow.service(Busy)
    c0 = workflow.Channel[int]()
    c1 = workflow.Channel[int]()
    c2 = workflow.Channel[int]()

    def __init__(self) -> None:
        self.logs: list[list[Any]] = []

    async def run(self, strands: list[list[Statement]]) -> list[list[Any]]:
        self.logs = [[] for _ in strands]
        running = [Strand(self, index).run(statements) for index, statements in enumerate(strands)]
        try:
            ends = await asyncio.gather(*running, return_exceptions=True)
        except asyncio.CancelledError:
            return [*self.logs, ["cancelled"]]
        return [*self.logs, [type(end).__name__ for end in ends]]


class Strand:
    """Runs one strand."""

    def __init__(self, program: Program, index: int) -> None:
        self.program = program
        self.index = index
        self.log = program.logs[index]
        self.inlet = (program.c0, program.c1, program.c2)[index]
        self.labels = 0
        self.slots: dict[int, Deferred[Any]] = {}

    async def run(self, statements: list[Statement]) -> None:
        for name, *details in statements:
            await getattr(self, f"do_{name}")(*details)

    def label(self) -> str:
        self.labels += 1
        return f"{self.index}.{self.labels}"

    # -- statements ---------------------------------------------------------------------------------------------------

    async def do_await(self, what: Statement, catch: bool) -> None:
        """Await something; write down the value, or what was raised."""
        try:
            self.log.append(await self.wait(*what))
        except DeferredError as error:
            self.log.append(type(error).__name__)
            if not catch:
                raise

    async def do_within(self, seconds: int, what: Statement) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self.do_await(what, catch=True)
        except TimeoutError:
            self.log.append("TimeoutError")

    async def do_spawn(self, slot: int, kind: str, seconds: int) -> None:
        self.slots[slot] = self.spawned(kind, seconds)

    async def do_drop(self, slot: int) -> None:
        if slot in self.slots:
            self.slots[slot].cancel()

    async def do_status(self, slot: int) -> None:
        if slot in self.slots:
            self.log.append(self.slots[slot].status)

    async def do_guard(self, swallow: bool, body: list[Statement], cleanup: list[Statement]) -> None:
        try:
            await self.run(body)
        except asyncio.CancelledError:
            self.log.append("cleanup")
            await self.run(cleanup)
            if not swallow:
                raise

    # -- what may be awaited ------------------------------------------------------------------------------------------

    async def wait(self, kind: str, *details: Any) -> Any:
        if kind == "new":
            return await self.spawned(*details)
        if kind == "sleep":
            return await asyncio.sleep(details[0])
        parts = {f"s{slot}": self.slots[slot] for slot in details[0] if slot in self.slots}
        if not parts:
            return "nothing"
        if kind == "one":
            return await next(iter(parts.values()))
        if kind == "first":
            won = await workflow.first(**parts)
            return [won.name, won.value]
        return await workflow.all_of(parts.values())

    def spawned(self, kind: str, seconds: int) -> Deferred[Any]:
        if kind == "task":
            return workflow.dispatch(self.program.busy.work, self.label())
        if kind == "timed":
            return workflow.task("Busy.work", {"label": self.label()}, timeout=seconds)
        if kind == "child":
            return workflow.dispatch(workflow.new(Kid, id=self.label()).run)
        if kind == "timer":
            return workflow.timer(seconds=seconds)
        return self.inlet.receive()


# -- making them ------------------------------------------------------------------------------------------------------


class Choices:
    """Chooses by bytes, 0 being the simplest choice: cheap to draw, and shrunk towards short programs."""

    def __init__(self, data: bytes) -> None:
        self._data = iter(data)

    def number(self, below: int) -> int:
        return next(self._data, 0) % below

    def of(self, *choices: T) -> T:
        return choices[self.number(len(choices))]

    def several(self, most: int, make: Callable[[], T], *, least: int = 0) -> list[T]:
        return [make() for _ in range(least + self.number(most + 1 - least))]

    # -- programs -----------------------------------------------------------------------------------------------------

    def program(self) -> list[list[Statement]]:
        return self.several(STRANDS, self.strand, least=1)

    def strand(self) -> list[Statement]:
        spawns = [self.spawn(slot) for slot in range(SLOTS)]
        return [*spawns, *self.several(8, self.statement)]

    def statement(self) -> Statement:
        if self.of(False, False, False, True):
            return ["guard", self.of(False, True), self.several(5, self.simple), self.several(3, self.simple)]
        return self.simple()

    def simple(self) -> Statement:
        match self.of("await", "within", "await", "within", "spawn", "status", "drop"):
            case "await":
                return ["await", self.awaitable(), self.of(True, True, True, False)]
            case "within":
                return ["within", self.seconds(), self.awaitable()]
            case "spawn":
                return self.spawn(self.number(SLOTS))
            case other:
                return [other, self.number(SLOTS)]

    def awaitable(self) -> Statement:
        match self.of("one", "first", "all", "new", "first", "all", "sleep"):
            case "one":
                return ["one", [self.number(SLOTS)]]
            case "new":
                return ["new", self.kind(), self.seconds()]
            case "sleep":
                return ["sleep", self.seconds()]
            case combination:
                return [combination, list(self.of((0, 1), (1, 0), (1, 2), (2, 1), (2, 0), (0, 1, 2), (2, 1, 0)))]

    def spawn(self, slot: int) -> Statement:
        return ["spawn", slot, self.kind(), self.seconds()]

    def kind(self) -> str:
        return self.of("task", "receive", "timer", "timed", "child", "receive")

    def seconds(self) -> int:
        return self.of(1, 2, 2, 3, 5)

    # -- worlds -------------------------------------------------------------------------------------------------------

    def world(self) -> list[Batch]:
        return self.several(12, self.batch)

    def batch(self) -> Batch:
        return self.of(0, 1, 1, 0, 2), self.of(False, False, True), self.several(5, self.event)

    def event(self) -> Event:
        match self.of("signal", "completed", "signal", "completed", "failed", "signal", "completed", "cancelled"):
            case "signal":
                return "signal", self.number(STRANDS), self.number(100)
            case "cancelled" if self.of(True, False):
                return "cancel", None, None
            case end:
                return end, self.number(10), None
