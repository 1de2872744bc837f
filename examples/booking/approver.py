"""A second process that approves or declines bookings by their tag: `python -m examples.booking.approver URL RUN`."""

from __future__ import annotations

import asyncio
import sys

from examples.booking.model import Decision
from examples.booking.orders import load
from examples.booking.workflow import BookingWorkflow
from leveret import Client


async def approve(url: str, run: str) -> int:
    """Signal every order that waits for somebody who answers; return how many."""
    orders = [order for order in load() if order.approval in (Decision.YES, Decision.NO)]
    async with Client(url) as client:
        for order in orders:
            booking = client.all(BookingWorkflow, tag=f"orderId:{run}-{order.id}")
            await booking.decisions.send(Decision(order.approval))
    return len(orders)


if __name__ == "__main__":
    sys.stdout.write(f"{asyncio.run(approve(*sys.argv[1:3]))} decisions sent\n")
