"""Two months of a customer, whose card is refused in the first one: `python -m examples.invoicing.demo`."""

from __future__ import annotations

import asyncio

from examples.invoicing.services import Cards, Letters, Meter
from examples.invoicing.subscription import Subscription
from examples.skipping import skip
from leveret import Client
from leveret_actors import Node


async def main(url: str = "memory://invoicing") -> list[str]:
    cards, letters = Cards(), Letters()
    async with Node(url, workflows=[Subscription], services=[Meter(), cards, letters]), Client(url) as client:
        subscription = await client.dispatch(client.new(Subscription, id="ann").run, "ann", "bad luck")
        ann = client.get(Subscription, id="ann")

        await skip(client, ann)  # a month: the card is refused
        await skip(client, ann)  # a week without an answer: it is refused again
        await ann.change_card("visa")
        await ann.payment(1)
        await ann.leave()
        await skip(client, ann)  # the second month

        ending = await subscription.result()
        paid = [f"{invoice.number} paid" for invoice in await ann.invoices()]
        return [ending, *paid, *cards.charges.values(), *letters.sent.values()]


if __name__ == "__main__":
    print(*asyncio.run(main()), sep="\n")
