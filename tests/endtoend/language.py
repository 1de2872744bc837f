"""Small workflows, one per rule of the language."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Protocol
from uuid import UUID

from leveret import Retry, TaskFailed, TaskTimedOut, service, workflow
from tests.endtoend.shop import at_the_gate, note


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@dataclass
class Parcel:
    """One of each kind of value that JSON does not have."""

    colour: Colour
    at: datetime
    after: timedelta
    key: UUID
    price: Decimal
    tags: set[str]
    inner: dict[str, list[Parcel]]


class Refusal(Exception):
    def __init__(self, limit: int) -> None:
        super().__init__(f"over the limit of {limit}")
        self.limit = limit


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


@service.define(name="Helper")
class Helper(Protocol):
    async def add(self, one: int, other: int) -> int: ...
    async def wrap(self, parcel: Parcel) -> Parcel: ...
    async def refuse(self, limit: int) -> None: ...
    async def mumble(self) -> None: ...
    async def forget(self) -> Any: ...
    async def stall(self) -> None: ...
    async def back_off(self) -> None: ...
    async def who(self) -> list[str]: ...
    async def block(self) -> str: ...


class Helpful(Helper):
    async def add(self, one: int, other: int) -> int:
        note("add")
        return one + other

    async def wrap(self, parcel: Parcel) -> Parcel:
        assert isinstance(parcel.colour, Colour)
        return replace(parcel, inner={"it": [parcel]})

    async def refuse(self, limit: int) -> None:
        note("refuse")
        try:
            raise KeyError("below")
        except KeyError as below:
            raise Refusal(limit) from below

    async def mumble(self) -> None:
        raise Unspeakable

    @service.task(retry=Retry(initial=0.05, attempts=5))
    async def forget(self) -> Any:
        note("forget")
        return object()

    async def stall(self) -> None:
        note("stall")
        await at_the_gate()

    @service.task(retry=Retry(initial=3600, maximum=3600, attempts=5))
    async def back_off(self) -> None:
        note("back_off")
        raise ValueError("later")

    @service.task(retry=Retry(initial=0.05, attempts=3))
    async def who(self) -> list[str]:
        context = service.context()
        if context.attempt < 3:
            context.meta["seen"] = context.meta.get("seen", "") + context.task_id[-2:]
            raise ValueError("again")
        assert context.last_failure is not None
        return [context.meta["seen"], context.task_id[-2:], context.instance, context.last_failure.message]

    @service.task
    def block(self) -> str:
        return service.context().task


class Base:
    helper = workflow.service(Helper)
    inbox = workflow.Channel[int]()


@workflow.define(name="Plain")
class Plain(Base):
    async def nothing(self) -> None:
        return None

    async def chain(self, start: int) -> int:
        second = await self.helper.add(start, 1)
        return await self.helper.add(second, 10)

    async def carry(self, parcel: Parcel) -> Parcel:
        return await self.helper.wrap(parcel)

    async def many(self, count: int) -> list[int]:
        return await workflow.all_of([workflow.dispatch(self.helper.add, number, 0) for number in range(count)])

    async def myself(self) -> list[str]:
        info = workflow.info()
        return [info.id, info.workflow, info.method, info.meta["who"], *sorted(info.tags)]

    async def by_name(self) -> int:
        return int(await workflow.task("Helper.add", {"one": 1, "other": 2}))

    async def unwaited(self) -> str:
        workflow.dispatch(self.helper.add, 1, 1)
        return "done"

    async def contexts(self) -> list[str]:
        return [*await self.helper.who(), await self.helper.block()]

    async def repeatable(self) -> list[str]:
        return [str(workflow.uuid()), str(workflow.random().random()), str(workflow.now()), str(workflow.inline(int))]


@workflow.define(name="Combining")
class Combining(Base):
    async def twice(self) -> list[int]:
        sum_ = workflow.dispatch(self.helper.add, 1, 2)
        return [await sum_, await sum_]

    async def nested(self) -> list[Any]:
        one, two = workflow.dispatch(self.helper.add, 1, 0), workflow.dispatch(self.helper.add, 2, 0)
        never = workflow.dispatch(self.helper.stall)
        both = await (one & (never | two))
        won = await workflow.first(late=never, soon=workflow.timer(seconds=0.05))
        return [*both, won.name]

    async def asyncio_(self) -> list[Any]:
        queue: asyncio.Queue[int] = asyncio.Queue()
        lock, ready = asyncio.Lock(), asyncio.Event()

        async def put(number: int) -> None:
            async with lock:
                await queue.put(await self.helper.add(number, 0))
            ready.set()

        async with asyncio.TaskGroup() as group:
            for number in range(5):
                group.create_task(put(number))
        await ready.wait()
        gathered = await asyncio.gather(*(self.helper.add(number, 100) for number in range(3)))
        try:
            await asyncio.wait_for(self.helper.stall(), 0.05)
        except TimeoutError:
            gathered.append(-1)
        try:
            async with asyncio.timeout(0.05):
                await self.inbox.receive()
        except TimeoutError:
            gathered.append(-2)
        await asyncio.sleep(0.05)
        return [sorted(queue.get_nowait() for _ in range(5)), gathered]


@workflow.define(name="Listening")
class Listening(Base):
    words = workflow.Channel[str]()
    deaf = workflow.Channel[str](buffered=False)
    both = workflow.Channel[int | str]()

    async def one(self) -> int:
        return await self.inbox.receive()

    async def three(self) -> list[Any]:
        taken = await self.inbox.receive(2)
        again = self.inbox.receive()
        return [taken, await again, await again]

    async def until_zero(self) -> list[int]:
        found: list[int] = []
        async for number in self.inbox:
            if number == 0:
                break
            found.append(number)
        return found

    async def selected(self) -> list[Any]:
        word = await self.both.receive(str)
        even = await self.both.receive(int, where=lambda number: number % 2 == 0)
        return [word, even, await self.both.receive()]

    async def unbuffered(self) -> str:
        await self.inbox.receive()
        return await self.deaf.receive()


@workflow.define(name="Timing")
class Timing(Base):
    async def past(self) -> str:
        await workflow.timer(workflow.now() - timedelta(days=1))
        await workflow.timer(timedelta(seconds=-5))
        await workflow.timer(workflow.now() + timedelta(seconds=0.05))
        return "past"

    async def race(self, seconds: float) -> str:
        return (await workflow.first(signal=self.inbox.receive(), timer=workflow.timer(seconds=seconds))).name

    async def wait(self, seconds: float) -> str:
        await workflow.timer(seconds=seconds)
        return "fired"


@workflow.define(name="Failing")
class Failing(Base):
    impatient = workflow.service(Helper, timeout=0.3)

    async def uncaught(self) -> None:
        await self.helper.refuse(7)

    async def caught(self) -> list[str]:
        self.seen = ["before"]
        try:
            await self.helper.refuse(7)
        except TaskFailed as error:
            self.seen.append(error.failure.type.rpartition(".")[2])
            self.seen.append(error.failure.cause.type if error.failure.cause else "no cause")
        return [*self.seen, str(await self.helper.add(1, 1))]

    async def ignored(self) -> str:
        workflow.dispatch(self.helper.refuse, 7)
        return str(await self.helper.add(1, 1))

    async def mistaken(self) -> None:
        raise ZeroDivisionError("by design")

    async def mumbling(self) -> None:
        await self.helper.mumble()

    async def forgetful(self) -> str:
        try:
            return str(await self.helper.forget())
        except TaskFailed as error:
            return error.failure.message

    async def overdue(self) -> str:
        try:
            await self.impatient.stall()
        except TaskTimedOut:
            return f"overdue {await self.helper.add(1, 1)}"
        return "in time"

    async def task(self) -> None:
        await self.helper.stall()

    async def timer(self) -> None:
        await workflow.timer(days=1)

    async def signal(self) -> None:
        await self.inbox.receive()

    async def back_off(self) -> None:
        await self.helper.back_off()

    async def compensating(self) -> str:
        try:
            await self.inbox.receive()
        except asyncio.CancelledError:
            return f"compensated {await self.helper.add(1, 1)}"
        return "not cancelled"


@workflow.define(name="Stranded")
class Stranded:
    other = workflow.service(Helper)

    async def run(self) -> int:
        return await self.other.add(20, 22)


WORKFLOWS = [Plain, Combining, Listening, Timing, Failing, Stranded]
SERVICES = [Helpful]
