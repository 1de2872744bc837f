"""Live actors between their turns: the least recently used ones go when there are too many, or too large ones."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from leveret_actors.actor import Actors
    from leveret_broker.address import MailboxQueue


@dataclass(frozen=True, slots=True)
class Evicted:
    """An actor that has to be dropped, off the I/O loop, by its kind."""

    actors: Actors
    live: Any


class ActorCache:
    """One per node. An actor is checked out for its turn: what is in the cache is at rest."""

    def __init__(self, *, actors: int, size: int) -> None:
        """Keep at most `actors` actors and `size` estimated bytes."""
        self._most_actors = actors
        self._most_bytes = size
        self._bytes = 0
        self._entries: OrderedDict[tuple[MailboxQueue, str], tuple[Evicted, int]] = OrderedDict()

    def __len__(self) -> int:
        """Return how many actors are at rest here."""
        return len(self._entries)

    @property
    def size(self) -> int:
        """Return their estimated bytes."""
        return self._bytes

    def check_out(self, queue: MailboxQueue, actor: str) -> Any:
        """Take the actor out and return it, or None."""
        entry = self._entries.pop((queue, actor), None)
        if entry is None:
            return None
        self._bytes -= entry[1]
        return entry[0].live

    def check_in(self, queue: MailboxQueue, actor: str, kind: Actors, live: Any, size: int) -> list[Evicted]:
        """Put the actor back, as the most recently used; return those that have to go for it."""
        self._entries[queue, actor] = (Evicted(kind, live), size)
        self._bytes += size
        gone: list[Evicted] = []
        while self._entries and (len(self._entries) > self._most_actors or self._bytes > self._most_bytes):
            _, (evicted, size) = self._entries.popitem(last=False)
            self._bytes -= size
            gone.append(evicted)
        return gone

    def forget(self, queue: MailboxQueue) -> list[Evicted]:
        """Take out all actors of a queue."""
        keys = [key for key in self._entries if key[0] == queue]
        gone: list[Evicted] = []
        for key in keys:
            evicted, size = self._entries.pop(key)
            self._bytes -= size
            gone.append(evicted)
        return gone
