"""A store that is slow, fails on either side of its effects, and tells the auditor what it writes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from leveret_actors.store.memory import MemoryStore, Room
from leveret_actors.store.shelf import Shelf
from leveret_broker.errors import StoreUnavailable
from tests.simulation.loop import RUNNING

if TYPE_CHECKING:
    from leveret_actors.store.contract import Batch, Committed
    from leveret_broker.address import MailboxQueue
    from tests.simulation.auditor import Auditor
    from tests.simulation.plan import Chances

T = TypeVar("T")


class WatchedShelf(Shelf):
    """A shelf whose writes are audited."""

    def __init__(self, queue: MailboxQueue, auditor: Auditor) -> None:
        """Begin empty."""
        super().__init__()
        self._queue = queue
        self._auditor = auditor

    def write(self, batch: Batch, clock: float) -> bool:
        """Apply, then let the auditor look."""
        repeated = super().write(batch, clock)
        self._auditor.wrote(self._queue, batch, repeated)
        return repeated


class SimulatedRoom(Room):
    """What all simulated stores share."""

    def __init__(self, auditor: Auditor) -> None:
        """Begin empty."""
        super().__init__()
        self._auditor = auditor

    def shelf(self, queue: MailboxQueue) -> Shelf:
        """Return a watched shelf."""
        found = self.shelves.get(queue)
        if found is None:
            found = self.shelves[queue] = WatchedShelf(queue, self._auditor)
        return found


class SimulatedStore(MemoryStore):
    """One process's way to the simulated room."""

    def __init__(self, hub: str, clock: Callable[[], float], auditor: Auditor, chances: Chances) -> None:
        """Connect nothing yet."""
        super().__init__(hub, clock=clock)
        self._auditor = auditor
        self._chances = chances

    async def commit(self, queue: MailboxQueue, epoch: int, batch: Batch) -> Committed:
        """Remember under which epoch this is asked for."""
        self._auditor.commits(batch, epoch)
        return await super().commit(queue, epoch, batch)

    async def mark_attempts(
        self, queue: MailboxQueue, epoch: int, actors: Sequence[str], node: str, *, before: str = ""
    ) -> None:
        """Let the auditor count as well."""
        for actor in actors:
            self._auditor.marked(queue, actor, node)
        await super().mark_attempts(queue, epoch, actors, node, before=before)

    async def _effect(self, name: str, effect: Callable[[], T]) -> T:
        """Run `effect` between two faults."""
        if not self._open:
            raise StoreUnavailable("the store is closed")
        await asyncio.sleep(self._chances.seconds("slow", name))
        if self._chances.happens("refuse", name):
            raise StoreUnavailable(f"{name}: not done")
        epochs = {queue: shelf.epoch for queue, shelf in self.room.shelves.items()}
        answer = effect()
        for queue, shelf in self.room.shelves.items():
            if shelf.epoch != epochs.get(queue, 0):
                self._auditor.taken_over(RUNNING.get(), queue, shelf.epoch)
        await asyncio.sleep(self._chances.seconds("slow", name))
        if self._chances.happens("lose_reply", name):
            raise StoreUnavailable(f"{name}: done, but the answer is lost")
        return answer
