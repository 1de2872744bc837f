"""Workflows whose tasks and timers operators deal with, and how they ask."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Protocol

from leveret import workflow
from leveret.errors import TaskFailed
from leveret_actors.testing import replay
from leveret_broker.envelope import (
    ClientCaller,
    Done,
    Ended,
    Message,
    RetryTasks,
)
from leveret_broker.outcome import Completed, Failed, Failure
from tests.workflow.harness import CODEC, Driver, replies

ME = ClientCaller("client", "verb")


class Bank(Protocol):
    async def pay(self, amount: int = 0) -> int: ...
    async def refund(self, amount: int = 0) -> int: ...


@workflow.define(name="W")
class Order:
    bank = workflow.service(Bank)
    quick = workflow.service(Bank, timeout=10)
    go = workflow.Channel[int]()

    async def pay(self) -> int:
        return await self.bank.pay(1) + await self.bank.pay(2)

    async def careful(self) -> list[Any]:
        paying = workflow.dispatch(self.bank.pay, 1)
        seen: list[Any] = []
        try:
            await paying
        except TaskFailed:
            seen.append(paying.status)
        await self.go.receive()
        seen.append(paying.status)
        seen.append(await paying)
        return [*seen, paying.status]

    async def unseen(self) -> int:
        paying = workflow.dispatch(self.bank.pay, 1)
        await self.go.receive()
        return await paying

    async def compensate(self) -> int:
        try:
            return await self.bank.pay(1)
        except TaskFailed:
            workflow.dispatch(self.bank.refund, 9)
            workflow.timer(3600)
            raise

    async def wrapped(self) -> int:
        try:
            return await self.bank.pay(1)
        except TaskFailed as error:
            await self.bank.refund(1)
            raise ValueError("no luck") from error

    async def group(self) -> list[int]:
        async with asyncio.TaskGroup() as group:
            paying = group.create_task(self.sum())
            napping = group.create_task(self.nap())
        return [paying.result(), napping.result()]

    async def sum(self) -> int:
        return await self.bank.pay(1)

    async def nap(self) -> int:
        await asyncio.sleep(100)
        return await self.bank.pay(2)

    async def siblings(self) -> list[int]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_run(self.bank.pay(amount))) for amount in (1, 2)]
        return [task.result() for task in tasks]

    async def limited(self) -> int:
        return await self.quick.pay(1)

    async def timers(self) -> int:
        async with asyncio.timeout(9000):
            await asyncio.sleep(1000)
        await workflow.timer(1000)
        return 1

    async def stubborn(self) -> int:
        while True:
            try:
                await self.go.receive()
            except asyncio.CancelledError:
                await self.bank.pay(1)


async def _run(call: Coroutine[Any, Any, int]) -> int:
    return await call


DECLINED = Failed(Failure("shop.Declined", "no money", where={"service": "Bank"}))


def begin(method: str, **options: Any) -> Driver:
    driver = Driver(Order)
    driver.start(method=method, **options)
    return driver


def declined(driver: Driver, number: int) -> Failed:
    """As a worker says it."""
    return Failed(Failure("shop.Declined", "no money", where={"task_id": f"{driver.run}.{number}"}))


def done(driver: Driver, message: Message, **options: Any) -> Done:
    (answer,) = [one for one in replies(driver.send(message, **options).posts) if isinstance(one, Done)]
    return answer


def retry(driver: Driver, **options: Any) -> Done:
    return done(driver, RetryTasks(caller=ME, **options))


def replays(driver: Driver) -> bool:
    return replay(Order, driver.store.journal).turns > 0


def ended(driver: Driver, number: int, value: Any, *, sequence: int) -> Any:
    outcome = value if isinstance(value, Failed) else Completed(CODEC.dump(value))
    return driver.envelope(
        Ended(number, outcome, sequence=sequence), message_id=f"{driver.run}.{number}.end.{sequence}", run=driver.run
    )


@workflow.define(name="W")
class Mended:
    bank = workflow.service(Bank)

    async def run(self) -> str:
        return f"paid {await self.bank.pay(1) + await self.bank.pay(2)}"


@workflow.define(name="W")
class Different:
    bank = workflow.service(Bank)

    async def run(self) -> str:
        return f"refunded {await self.bank.refund(1)}"
