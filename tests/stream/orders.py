"""What the stream is for: one workflow for each order, which takes the order's history in whatever order it comes."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from leveret import Deferred, workflow


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened to an order."""

    number: int
    """Its place in the order's history, from 1."""
    last: bool = False
    """Nothing happens to the order after it."""


class Payment(Step, frozen=True, kw_only=True):
    amount: Decimal


@workflow.define(name="Order")
class Order:
    """Begun by whichever step comes first; over when the history is whole."""

    started = workflow.Channel[Step]()
    paid = workflow.Channel[Payment]()
    shipped = workflow.Channel[Step]()
    cancelled = workflow.Channel[Step]()

    async def run(self) -> str:
        """Return how the order ended: who cancels after the parcel has left gets it all the same."""
        waiting: dict[str, Deferred[Any]] = {
            "started": self.started.receive(),
            "paid": self.paid.receive(),
            "shipped": self.shipped.receive(),
            "cancelled": self.cancelled.receive(),
        }
        history: dict[str, Step] = {}
        while not any(step.last and step.number == len(history) for step in history.values()):
            next_one = await workflow.first(**waiting)
            del waiting[next_one.name]
            history[next_one.name] = next_one.value
        return "completed" if "shipped" in history else "cancelled"


WORKFLOWS: list[type[Any]] = [Order]
SERVICES: list[type[Any]] = []
