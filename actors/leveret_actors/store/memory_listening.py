"""The part of the memory store that knows who listens."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TypeVar

from leveret_actors.store.listening import ListenerStore

T = TypeVar("T")


class MemoryListeners(ListenerStore, ABC):
    """One table for all memory stores of one name."""

    @property
    @abstractmethod
    def _groups(self) -> dict[str, tuple[str, ...]]: ...

    @abstractmethod
    async def _effect(self, name: str, effect: Callable[[], T]) -> T: ...

    async def note_listener(self, group: str, patterns: Sequence[str]) -> None:
        """Note what a group wants."""
        await self._effect("note_listener", lambda: self._groups.update({group: tuple(patterns)}))

    async def forget_listener(self, group: str) -> bool:
        """Forget a group."""
        return await self._effect("forget_listener", lambda: self._groups.pop(group, None) is not None)

    async def listeners(self) -> dict[str, tuple[str, ...]]:
        """Return what the groups want."""
        return await self._effect("listeners", lambda: dict(self._groups))
