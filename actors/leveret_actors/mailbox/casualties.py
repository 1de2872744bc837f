"""Which nodes went down while they tried an actor, for all that the store hears of them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from leveret_actors.mailbox.wake import LIFETIME

if TYPE_CHECKING:
    from leveret_actors.mailbox.host import Host


class Casualties:
    """Tells nodes that died from those that only lost a queue, or an answer of the store: these say that they live."""

    def __init__(self, host: Host) -> None:
        """Know of none yet."""
        self._host = host
        self._gone: set[str] = set()
        """Nodes that were not heard of for a lifetime; their names do not come again."""

    async def among(self, nodes: frozenset[str]) -> frozenset[str]:
        """Return those of `nodes` that are gone, after the time in which each that lives would say so."""
        if not nodes <= self._gone:
            await asyncio.sleep(LIFETIME * self._host.settings.heartbeat)
            living = {row.node for row in await self._host.store.nodes()}
            self._gone |= nodes - living
        return nodes & self._gone
