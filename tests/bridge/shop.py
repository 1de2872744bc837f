"""What the bridges of these tests lead to: an order that writes down all that it is told."""

from __future__ import annotations

from typing import Any

from leveret import workflow


@workflow.define(name="Order")
class Order:
    paid = workflow.Channel[dict[str, Any]]()

    def __init__(self) -> None:
        self.seen: list[Any] = []

    async def run(self, order: dict[str, Any] | None = None) -> list[Any]:
        """Take payments until one says that it is the last."""
        self.seen.append(order)
        async for payment in self.paid:
            self.seen.append(payment)
            if payment.get("last"):
                break
        return self.seen

    async def note(self, text: str) -> None:
        self.seen.append(text)

    @workflow.query
    def told(self) -> list[Any]:
        return self.seen


WORKFLOWS = [Order]
SERVICES: list[type[Any]] = []
