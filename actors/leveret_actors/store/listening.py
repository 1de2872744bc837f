"""Who listens to events: what a node may rely on, for all nodes of a namespace.

A listener group stays known, with the patterns that it said last, until somebody forgets it: its queue stays as well.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence


class ListenerStore(ABC):
    """The part of the store that knows who listens."""

    @abstractmethod
    async def note_listener(self, group: str, patterns: Sequence[str]) -> None:
        """Note which events a group wants, in place of what it wanted before."""

    @abstractmethod
    async def forget_listener(self, group: str) -> bool:
        """Forget a group; tell whether it was known."""

    @abstractmethod
    async def listeners(self) -> dict[str, tuple[str, ...]]:
        """Return the patterns of each group."""
