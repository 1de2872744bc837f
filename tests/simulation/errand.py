"""World B: real nodes with a workflow, a service and a tag, and a client that waits for results."""

from __future__ import annotations

import asyncio
from contextlib import AbstractContextManager
from functools import partial
from typing import TYPE_CHECKING, Final

from leveret import Client, Retry, service, workflow
from leveret_actors import node as node_module
from leveret_actors.node import Node
from leveret_actors.settings import EventSettings, Settings
from leveret_broker.address import TAGS, MailboxQueue, ServiceQueue
from leveret_broker.codec import Codec
from tests.simulation.cache import WatchedCache
from tests.simulation.outside import replaced
from tests.simulation.scribe import Scribe
from tests.simulation.world import InlineStepper, Outcome, Seat, World

if TYPE_CHECKING:
    from tests.simulation.shelves import SimulatedStore
    from tests.simulation.wire import SimulatedTransport

ERRAND: Final = MailboxQueue("Errand", 0)
TAG: Final = MailboxQueue(TAGS, 0)
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


class ErrandWorld(World):
    """Three errands, one after the other or at once; a cache for one actor."""

    gap = 300.0
    most_seconds = 4_500.0
    """A join that arrives after the leave is only doubted after an hour."""

    def __init__(self, seed: int, *, echo: bool = False) -> None:
        """Prepare the auditor."""
        super().__init__(seed, echo=echo)
        self.codec = Codec()
        self.scribe = Scribe(self, workflow.definition_of(Errand), self.codec)
        self.auditor = self.scribe
        self.results: dict[int, list[str]] = {}

    def run(self) -> Outcome:
        """Play with watched caches."""
        with self._watched():
            return super().run()

    def _watched(self) -> AbstractContextManager[None]:
        return replaced([(node_module, "ActorCache", partial(WatchedCache, self.auditor))])

    async def serve(self, seat: Seat, transport: SimulatedTransport, store: SimulatedStore) -> None:
        """Be a node, until told to stop."""
        node = Node(
            name=f"n{seat.index}",
            workflows=[Errand],
            services=[Shop()],
            settings=Settings(
                mailboxes=1,
                cache_actors=1,
                concurrency=4,
                batch=self.random.choice((1, 500)),
                fold_after=2,
                events=EventSettings(publish=("workflow.#",)),
            ),
            transport=transport,
            store=store,
            payload_codec=self.codec,
            stepper=InlineStepper(),
            clock=self.clock,
        )
        seat.stop = node.stop
        async with node:
            await node._stop.wait()

    def begin(self) -> None:
        """Settle the numbers of queues, then start the client."""
        for kind in (ERRAND.kind, TAGS):
            self.hub().counts["simulated", kind] = 1
        self.start("client", self._ask)

    async def _ask(self) -> None:
        transport = self.transport()
        await transport.open()
        self._later(self.random.random() * 10, lambda: self._lose(transport))
        async with Client(transport=transport) as client:
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

    def _lose(self, transport: SimulatedTransport) -> None:
        """Cut the client off for a moment, in half of the worlds."""
        if self.random.random() < 0.5:
            self.trace.note("* the client loses its connection")
            self.hub().cut(transport)
            self._later(self.random.random() * 3, lambda: self.hub().relink(transport))

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
        for queue, shelf in self.room().shelves.items():
            if shelf.pending or shelf.next_due():
                return f"{queue}: pending {list(shelf.pending)}, next timer at {shelf.next_due()}"
            for actor, kept in shelf.actors.items():
                if queue == ERRAND and kept.status != "completed":
                    return f"{actor} is {kept.status}"
        if held := self.hub().held("simulated", ServiceQueue("Shop")):
            return f"{held} tasks are delivered, and never acknowledged"
        tags = self.room().shelf(TAG)
        members = [member for actor in tags.actors for member in tags.members(actor, 0, 100)]
        return f"members left: {members}" if members else ""
