"""Which events are published: what the settings say, and what listeners of the namespace want besides."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from loguru import logger

from leveret.events import SERVICE_EVENTS, WORKFLOW_EVENTS
from leveret_actors.store.contract import Store
from leveret_broker.errors import StoreError
from leveret_broker.topics import matches

LOOK: Final = 1.0
"""Seconds between two looks for listeners that other nodes have registered."""

_FAMILIES: Final = {"workflow": tuple(WORKFLOW_EVENTS), "service": tuple(SERVICE_EVENTS)}


class Wanted:
    """One for a node. What the store said last holds while it is away."""

    def __init__(self, store: Store, published: Sequence[str]) -> None:
        self._store = store
        self._published = tuple(published)
        self._patterns = frozenset(published)
        self._types: dict[tuple[str, str], frozenset[str]] = {}

    def types(self, family: str, name: str) -> frozenset[str]:
        """Return the types of events of a workflow, or of a service, that are to be published."""
        found = self._types.get((family, name))
        if found is None:
            found = self._types[family, name] = frozenset(
                one for one in _FAMILIES[family] if self._matches(f"{family}.{name}.{one}")
            )
        return found

    async def look(self) -> None:
        """Ask the store who listens; raises `StoreError`."""
        listeners = await self._store.listeners()
        patterns = frozenset(self._published).union(*listeners.values())
        if patterns != self._patterns:
            self._patterns, self._types = patterns, {}

    async def run(self) -> None:
        """Look again and again."""
        while True:
            await asyncio.sleep(LOOK)
            try:
                await self.look()
            except StoreError as error:
                logger.warning("cannot look up who listens to events: {}", error)

    def _matches(self, key: str) -> bool:
        return any(matches(pattern, key) for pattern in self._patterns)
