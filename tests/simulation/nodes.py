"""What worlds of real nodes have in common: one workflow type, one queue for it, one for its tags, and a client."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import AbstractContextManager
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from leveret import Client, workflow
from leveret_actors import node as node_module
from leveret_actors.node import Node
from leveret_actors.settings import EventSettings, Settings
from leveret_broker.address import TAGS, MailboxQueue
from leveret_broker.codec import Codec
from tests.simulation.cache import WatchedCache
from tests.simulation.outside import replaced
from tests.simulation.scribe import Scribe
from tests.simulation.world import InlineStepper, Outcome, Seat, World

if TYPE_CHECKING:
    from tests.simulation.shelves import SimulatedStore
    from tests.simulation.wire import SimulatedTransport


class NodeWorld(World):
    """Two nodes with a cache for one actor, and a client that may lose its connection."""

    gap = 300.0
    most_seconds = 4_500.0
    """A join that arrives after the leave is only doubted after an hour."""
    workflow: ClassVar[type[Any]]
    services: ClassVar[tuple[type[Any], ...]] = ()

    def __init__(self, seed: int, *, echo: bool = False) -> None:
        """Prepare the auditor."""
        super().__init__(seed, echo=echo)
        definition = workflow.definition_of(self.workflow)
        self.codec = Codec()
        self.queue = MailboxQueue(definition.name, 0)
        self.scribe = Scribe(self, definition, self.codec)
        self.auditor = self.scribe

    @abstractmethod
    async def ask(self, client: Client) -> None:
        """Be the client."""

    def patches(self) -> list[tuple[Any, str, Any]]:
        """Return what is replaced while this world plays: the nodes' cache."""
        return [(node_module, "ActorCache", partial(WatchedCache, self.auditor))]

    def run(self) -> Outcome:
        """Play with watched caches."""
        with self._watched():
            return super().run()

    def _watched(self) -> AbstractContextManager[None]:
        return replaced(self.patches())

    async def serve(self, seat: Seat, transport: SimulatedTransport, store: SimulatedStore) -> None:
        """Be a node, until told to stop."""
        node = Node(
            name=f"n{seat.index}",
            workflows=[self.workflow],
            services=[made() for made in self.services],
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
        for kind in (self.queue.kind, TAGS):
            self.hub().counts["simulated", kind] = 1
        self.start("client", self._ask)

    async def _ask(self) -> None:
        transport = self.transport()
        await transport.open()
        self._later(self.random.random() * 10, lambda: self._lose(transport))
        async with Client(transport=transport) as client:
            await self.ask(client)

    def _lose(self, transport: SimulatedTransport) -> None:
        """Cut the client off for a moment, in half of the worlds."""
        if self.random.random() < 0.5:
            self.trace.note("* the client loses its connection")
            self.hub().cut(transport)
            self._later(self.random.random() * 3, lambda: self.hub().relink(transport))

    def remains(self) -> str:
        """Say what is on its way, has not completed, or carries a tag."""
        for queue, shelf in self.room().shelves.items():
            if shelf.pending or shelf.next_due():
                return f"{queue}: pending {list(shelf.pending)}, next timer at {shelf.next_due()}"
            for actor, kept in shelf.actors.items():
                if queue == self.queue and kept.status != "completed":
                    return f"{actor} is {kept.status}"
        tags = self.room().shelf(MailboxQueue(TAGS, 0))
        members = [member for actor in tags.actors for member in tags.members(actor, 0, 100)]
        return f"members left: {members}" if members else ""
