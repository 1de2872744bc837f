"""A loyalty card: one main method, and many that do something small to it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Protocol

from leveret import workflow
from leveret.errors import TaskFailed
from leveret_actors.workflow import EngineSettings
from leveret_broker.envelope import Call, ClientCaller, Envelope, Query
from tests.workflow.harness import CODEC, Driver, replies


class Shop(Protocol):
    async def post(self, points: int) -> int: ...


@dataclass(frozen=True)
class Level:
    name: str
    least: int = 0


@workflow.define(name="Card")
class Card:
    shop = workflow.service(Shop)
    gifts = workflow.Channel[int]()
    level: Level
    points: int
    share: float

    def __init__(self) -> None:
        self.points = 0
        self.level = Level("new")
        self.share = 0

    async def run(self, goal: int = 1_000_000) -> int:
        await workflow.wait_for(lambda: self.points >= goal)
        paid = await self.shop.post(self.points)
        self.points += paid
        return self.points

    async def add(self, points: int) -> int:
        self.points += points
        return self.points

    async def rise(self, name: str) -> str:
        self.level = Level(name, self.points)
        return self.level.name

    async def shift(self, points: int) -> int:
        self.share += points / 2
        self.old = self.points
        return points

    async def unshift(self) -> None:
        del self.old

    async def settle(self) -> None:
        self.share = int(self.share)

    async def keep(self, value: Any) -> None:
        self.kept = value

    async def post(self, points: int) -> int:
        posted = await self.shop.post(points)
        self.points += posted
        return self.points

    async def post_or_not(self, points: int) -> int:
        try:
            return await self.post(points)
        except TaskFailed:
            return -1

    async def nap(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self.points += 1

    async def hurry(self, points: int) -> bool:
        try:
            async with asyncio.timeout(5):
                return bool(await self.post(points))
        except TimeoutError:
            return False

    async def leave_behind(self, points: int) -> None:
        workflow.dispatch(self.shop.post, points)

    async def spawn(self) -> None:
        self.points += 1
        asyncio.get_running_loop().create_task(self._later())

    async def _later(self) -> None:
        await self.gifts.receive()
        self.points += 100

    async def take_gift(self) -> int:
        return await self.gifts.receive()

    async def stay(self) -> None:
        await workflow.wait_for(lambda: self.points >= 1_000)
        self.points -= 1_000

    async def fail(self) -> None:
        raise ValueError("no points")

    async def draw(self) -> str:
        return str(workflow.uuid())

    async def dice(self) -> float:
        return workflow.random().random()

    async def change(self) -> bool:
        return workflow.patched("change")

    async def in_line(self) -> int:
        self.points += workflow.inline(lambda: 7)
        return self.points

    @workflow.query
    def total(self) -> int:
        return self.points


def card(fold_after: int = 4, cls: type[Any] = Card, **options: Any) -> Driver:
    """A driver of a card; its main method has begun."""
    settings = EngineSettings(fold_after=fold_after, **options.pop("settings", {}))
    driver = Driver(cls, settings=settings, **options)
    driver.start(goal=1_000_000)
    return driver


def asks(driver: Driver, method: str, message_id: str | None = None, **arguments: Any) -> Envelope:
    call = Call(method, CODEC.dump(arguments), ClientCaller("client", message_id or method))
    return driver.envelope(call, message_id=message_id)


def call(driver: Driver, method: str, message_id: str | None = None, **arguments: Any) -> Any:
    """Call a method in a turn of its own; returns the turn."""
    return driver.turn(asks(driver, method, message_id, **arguments))


def folds(driver: Driver) -> list[int]:
    """How many turns each fold in the journal stands for."""
    return [record.folded.turns for record in driver.records if record.folded is not None]


def points(driver: Driver) -> int:
    """What a query tells, on the live object and on a cold one."""
    turn = driver.send(Query("total", CODEC.dump({}), ClientCaller("client", "query")))
    (answer,) = replies(turn.posts)
    return int(CODEC.load(answer.outcome.value))  # type: ignore[union-attr]


def assert_the_head_counts(driver: Driver) -> None:
    records, head = driver.records, driver.state
    assert head.entries == sum(record.entries for record in records)
    assert head.journal_bytes == sum(map(len, driver.store.journal))
    assert head.records - head.folded == len(records)
    assert head.records == records[-1].number
