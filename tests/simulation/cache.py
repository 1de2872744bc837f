"""A cache that compares each actor that comes in or goes out with the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from leveret_actors.mailbox.cache import ActorCache, Evicted
from tests.simulation.loop import RUNNING

if TYPE_CHECKING:
    from leveret_actors.actor import Actors
    from leveret_broker.address import MailboxQueue
    from tests.simulation.auditor import Auditor


class WatchedCache(ActorCache):
    """Compares each actor that comes in or goes out with the store, as long as its node owns the queue."""

    def __init__(self, auditor: Auditor, *, actors: int, size: int) -> None:
        """Watch one node."""
        super().__init__(actors=actors, size=size)
        self._auditor = auditor

    def check_out(self, queue: MailboxQueue, actor: str) -> Any:
        """Look before the actor's turn."""
        live = super().check_out(queue, actor)
        if live is not None and self._auditor.owns(RUNNING.get(), queue):
            self._auditor.compare(RUNNING.get(), queue, actor, live)
        return live

    def check_in(self, queue: MailboxQueue, actor: str, kind: Actors, live: Any, size: int) -> list[Evicted]:
        """Look after the actor's turn."""
        if self._auditor.owns(RUNNING.get(), queue):
            self._auditor.compare(RUNNING.get(), queue, actor, live)
        return super().check_in(queue, actor, kind, live, size)
