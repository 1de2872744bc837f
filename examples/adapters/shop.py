"""The workflow: what it needs to know comes from other applications."""

from __future__ import annotations

from dataclasses import dataclass

from leveret import workflow


@dataclass(frozen=True)
class Payment:
    order: str
    cents: int


def tag_of(order: str) -> str:
    """Return the tag of an order: whoever knows its number reaches the workflow."""
    return f"order:{order}"


@workflow.define(name="ShopOrder")
class Order:
    """One instance an order; `payments` arrive from wherever payments come from."""

    payments = workflow.Channel[Payment]()

    async def run(self, cents: int) -> list[int]:
        """Wait until it is paid. The result is what was paid, in the order of arrival."""
        paid = list[int]()
        while sum(paid) < cents:
            paid.append((await self.payments.receive()).cents)
        return paid
