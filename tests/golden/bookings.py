"""One booking for each way through the example."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from examples.booking.ledger import VARIABLE
from examples.booking.model import Decision, Order, Trouble
from examples.booking.services import Cars, Hotels, Payments
from examples.booking.workflow import BookingWorkflow
from leveret import Client
from leveret_actors import Node

URL = "memory://golden"
BOOKINGS: dict[str, tuple[str, dict[str, Trouble]]] = {
    "paid": ("", {}),
    "approved": (Decision.YES, {}),
    "declined": (Decision.NO, {}),
    "late": ("silent", {}),
    "busy_hotel": ("", {"hotel": Trouble.FAILS}),
    "stalled_car": ("", {"car": Trouble.STALLS}),
    "refused_by_the_hotel": ("", {"hotel": Trouble.REFUSES}),
    "refused_by_both": ("", {"hotel": Trouble.REFUSES, "car": Trouble.REFUSES}),
    "refused_by_the_card": (Decision.YES, {"payment": Trouble.REFUSES}),
}
"""Who decides, and what goes wrong."""


async def bookings(names: set[str]) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Run the bookings with these names; yield the journal of each."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ[VARIABLE] = str(Path(folder) / "ledger.db")
        services = (Hotels(), Cars(), Payments())
        async with Node(URL, workflows=[BookingWorkflow], services=services, name="node"), Client(URL) as client:
            await asyncio.gather(*(_book(client, name) for name in names))
            for name in names:
                booking = client.get(BookingWorkflow, id=name)
                yield name, [record async for record in client.history(booking)]


async def _book(client: Client, name: str) -> None:
    approval, trouble = BOOKINGS[name]
    order = Order(name, "Ada", 2, 200_000, approval, trouble)
    handle = await client.dispatch(client.new(BookingWorkflow, id=name).book, order)
    if approval in {Decision.YES, Decision.NO}:
        await client.get(BookingWorkflow, id=name).decisions.send(Decision(approval))
    await handle.result(60)
