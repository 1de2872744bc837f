"""A member's first days: `python -m examples.loyalty.demo`."""

from __future__ import annotations

import asyncio

from examples.loyalty.program import Action, Loyalty, Order
from examples.skipping import skip
from leveret import Client, WorkflowFailed
from leveret_actors import Node


async def main(url: str = "memory://loyalty") -> list[object]:
    said: list[object] = []
    async with Node(url, workflows=[Loyalty, Order]), Client(url) as client:
        membership = await client.dispatch(client.new(Loyalty, id="ann").run)
        ann = client.get(Loyalty, id="ann")

        await skip(client, ann)  # a day later
        said.append(await ann.add_bonus(Action.FORM))
        try:
            await ann.burn(1000)
        except WorkflowFailed as error:
            said.append(error.failure.message)

        bicycle = await client.dispatch(ann.save_for, 1000)  # waits for more points
        for number in range(2):
            await client.new(Order, id=f"order-{number}").run("ann")
        said += [await bicycle.result(), await ann.balance()]

        await ann.close()
        said += [await membership.result(), await ann.balance()]  # a query answers after the end as well
    return said


if __name__ == "__main__":
    print(*asyncio.run(main()), sep="\n")
