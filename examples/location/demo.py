"""One traveler and three hosts: one is silent, one declines, one accepts. `python -m examples.location.demo`."""

from __future__ import annotations

import asyncio

from examples.location.booking import REMINDERS, LocationBooking
from examples.location.deposit import Deposit
from examples.location.model import Answer, Outcome, Request
from examples.location.services import Bank, Letters
from examples.skipping import skip
from leveret import Client
from leveret_actors import Node

REQUEST = Request("tim", "visa", 9000, ["ann", "joe", "kim"])


async def main(url: str = "memory://location") -> tuple[Outcome, list[str]]:
    letters = Letters()
    async with Node(url, workflows=[LocationBooking, Deposit], services=[letters, Bank()]), Client(url) as client:
        handle = await client.dispatch(client.new(LocationBooking, id="b1").run, REQUEST)
        booking = client.get(LocationBooking, id="b1")

        for _ in range(1 + REMINDERS):
            await skip(client, booking)  # ann says nothing, day after day
        await booking.answers.send(Answer("joe", accepts=False))
        await booking.answers.send(Answer("kim", accepts=True))

        return await handle.result(), [*letters.sent.values()]


if __name__ == "__main__":
    outcome, letters = asyncio.run(main())
    print(*letters, outcome, sep="\n")
