"""World B: real nodes with a workflow, a service and a tag, and a client that waits for results."""

from __future__ import annotations

import asyncio
from typing import Final

from leveret import Client, Retry, service, workflow
from leveret_broker.address import ServiceQueue
from tests.simulation.nodes import NodeWorld

INSTANCES: Final = 3
THINGS: Final = ("nut", "egg", "tea", "jam", "oat")
BASKET: Final = ("nut", "egg wrapped", "tea", "jam wrapped", "oat")


class Shop:
    """Fails the first time, takes its time, and knows the world it lives in."""

    @service.task(retry=Retry(initial=0.5, factor=2, maximum=2, attempts=0))
    async def buy(self, order: str) -> str:
        """Fail at first."""
        await asyncio.sleep(0.2)
        if service.context().attempt == 1:
            raise ConnectionError("the shop is busy")
        return f"{order} bought"

    async def wrap(self, order: str) -> str:
        """Succeed at once."""
        return f"{order} wrapped"


@workflow.define(name="Errand")
class Errand:
    """Two tasks at once, a timer meanwhile, then a word by tag."""

    shop = workflow.service(Shop)
    words = workflow.Channel[str]()

    def __init__(self) -> None:
        """Begin with an empty basket."""
        self.basket: tuple[str, ...] = ()

    async def add(self, thing: str) -> int:
        """Put something into the basket; every second thing is wrapped."""
        count = len(self.basket) + 1
        self.basket = (*self.basket, thing)
        if count % 2 == 0:
            wrapped = await self.shop.wrap(thing)
            self.basket = (*self.basket[: count - 1], wrapped, *self.basket[count:])
        return count

    async def run(self, order: str) -> list[str]:
        """Return all that was heard."""
        bought = workflow.dispatch(self.shop.buy, order)
        await workflow.timer(seconds=1)
        wrapped = workflow.dispatch(self.shop.wrap, order)
        word = await self.words.receive()
        return [await bought, await wrapped, word, *self.basket]


class ErrandWorld(NodeWorld):
    """Three errands, one after the other or at once; a cache for one actor."""

    workflow = Errand
    services = (Shop,)

    def __init__(self, seed: int, *, echo: bool = False) -> None:
        """Begin without results."""
        super().__init__(seed, echo=echo)
        self.results: dict[int, list[str]] = {}

    async def ask(self, client: Client) -> None:
        """Run all errands."""
        await asyncio.gather(*(self._errand(client, number) for number in range(INSTANCES)))

    async def _errand(self, client: Client, number: int) -> None:
        await asyncio.sleep(self.random.choice((0.0, 0.0, 1.5)))
        tag = f"order:{number}"
        errand = await client.dispatch(client.new(Errand, id=f"e{number}", tags={tag}).run, f"o{number}")
        counts = [await client.get(Errand, id=f"e{number}").add(thing) for thing in THINGS]
        self.trace.expect(counts == [1, 2, 3, 4, 5], f"e{number} counted {counts}")
        await asyncio.sleep(self.random.choice((0.0, 0.7, 3.0)))
        await client.all(Errand, tag=tag).words.send("please", message_id=f"w{number}")
        self.results[number] = await errand.result()
        self.trace.note(f"result of e{number}: {self.results[number]}")

    def left(self) -> str:
        """Every errand has the right result, and nothing is left of it but its end."""
        if self.scribe.excused:
            return ""
        for number in range(INSTANCES):
            if number not in self.results:
                return f"e{number} has no result"
            wanted = [f"o{number} bought", f"o{number} wrapped", "please", *BASKET]
            if self.results[number] != wanted:
                self.trace.violate(f"the result of e{number} is {self.results[number]}, not {wanted}")
        if held := self.hub().held("simulated", ServiceQueue("Shop")):
            return f"{held} tasks are delivered, and never acknowledged"
        return self.remains()
