"""Workflows that have children, and what becomes of their tasks."""

import asyncio
from typing import Any

import msgspec

from leveret import (
    ArgumentMismatch,
    LeveretError,
    WorkflowAlreadyStarted,
    service,
    workflow,
)
from leveret_broker.envelope import (
    Start,
)
from tests.workflow.harness import CODEC, Driver


class Receipt(msgspec.Struct):
    amount: int


@service.define(name="Bank")
class Bank:
    async def charge(self, amount: int) -> int:
        return amount


@workflow.define(name="Payment")
class Payment:
    bank = workflow.service(Bank)
    go = workflow.Channel[int]()

    async def pay(self, amount: int) -> Receipt:
        return Receipt(await self.bank.charge(amount))

    async def wait(self) -> int:
        return await self.go.receive()

    async def who(self) -> list[Any]:
        info = workflow.info()
        assert info.parent is not None
        return [sorted(info.tags), dict(info.meta), info.parent.workflow, info.parent.id, info.parent.run]


@workflow.define(name="Factorial")
class Factorial:
    async def run(self, n: int) -> int:
        return n * await workflow.new(Factorial).run(n - 1) if n else 1


@workflow.define(name="Order")
class Order:
    """Its methods are the tests' scenarios."""

    seen: str = ""
    keep = workflow.Channel[int]()

    async def awaited(self) -> int:
        return (await workflow.new(Payment).pay(3)).amount

    async def by_name(self) -> Any:
        return await workflow.new("Payment").call("pay", {"amount": 4})

    async def dispatched(self) -> int:
        first = workflow.dispatch(workflow.new(Payment).pay, 1)
        second = workflow.dispatch(workflow.new(Payment).pay, 2)
        one, two = await (first & second)
        return one.amount + two.amount

    async def started_and_left(self) -> None:
        workflow.dispatch(workflow.new(Payment, id="c").wait)

    async def waits(self) -> int:
        return await workflow.new(Payment, id="c").wait()

    async def waits_beside(self) -> int:
        workflow.dispatch(workflow.new(Payment, id="c").wait)
        return await self.keep.receive()

    async def fails_beside(self) -> None:
        workflow.dispatch(workflow.new(Payment, id="c").wait)
        await workflow.new(Payment).pay(1)

    async def awaits_later(self) -> int:
        payment = workflow.dispatch(workflow.new(Payment).pay, 1)
        await self.keep.receive()
        return (await payment).amount

    async def starts_its_own_id(self) -> str:
        try:
            await workflow.new(Order, id=workflow.info().id).waits()
        except ArgumentMismatch as error:
            return str(error)
        return "waited for itself"

    async def starts_its_own_tag(self) -> str:
        try:
            await workflow.new(Order, unique_tag="u").waits()
        except ArgumentMismatch as error:
            return str(error)
        return "waited for itself"

    async def waits_detached(self) -> int:
        return await workflow.new(Payment, id="c", detached=True).wait()

    async def waits_unique(self) -> int:
        return await workflow.new(Payment, id="c", tags={"t2", "t1"}, unique_tag="u").wait()

    async def waits_at_most(self) -> str:
        try:
            async with asyncio.timeout(5):
                await workflow.new(Payment, id="c").wait()
        except TimeoutError:
            return "late"
        return "early"

    async def never_leaves(self) -> None:
        workflow.dispatch(workflow.new(Payment).wait).cancel()

    async def nobody_there(self) -> None:
        await workflow.new("Nowhere").call("run")

    async def catches(self) -> str:
        try:
            await workflow.new(Payment, id="c", timeout=60).wait()
        except LeveretError as error:
            self.seen = type(error).__name__
        return self.seen

    async def fails_to_start(self) -> str:
        try:
            await workflow.new(Payment, id="c", on_conflict="fail").wait()
        except WorkflowAlreadyStarted as error:
            return str(error)
        return ""

    async def labelled(self) -> Any:
        info = workflow.info()
        return await workflow.new(Payment, id="c", tags=info.tags, meta=info.meta).who()


def paid(task: Any) -> Any:
    return CODEC.load(task.arguments, dict[str, Any])["amount"]


def declined(task: Any) -> Any:
    return ValueError("declined")


def starts(driver: Driver) -> list[Start]:
    messages = [getattr(post.envelope, "message", None) for post in driver.posts]
    return [message for message in messages if isinstance(message, Start)]
