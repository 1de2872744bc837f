"""The one client that the tasks of a node share."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar

from leveret.client.client import Client
from leveret.errors import NotInTask


class SharedClient:
    """Opens a client when a task first asks for it: a node whose tasks need none has none.

    It belongs to the event loop in which it is made.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._lock = asyncio.Lock()
        self._is_open = False
        self.loop = asyncio.get_running_loop()

    async def get(self) -> Client:
        """Return the client, open; raises what opening it raises, and tries again the next time."""
        async with self._lock:
            if not self._is_open:
                await self._client.__aenter__()
                self._is_open = True
        return self._client

    async def close(self) -> None:
        """Close it, if it was ever opened."""
        if self._is_open:
            await self._client.close()


shared_client: ContextVar[SharedClient] = ContextVar("leveret_client")
"""Set by the node around its services."""


async def current_client() -> Client:
    """Return the client of the node that runs this task, in an async function: nobody has to open or close it.

    In a sync function it is `leveret.sync.current_client()`. Raises `NotInTask` outside of a node's services,
    `BrokerUnavailable` when there is no broker.
    """
    return await of_node().get()


def of_node() -> SharedClient:
    """Return what the tasks of this node share; raises `NotInTask` elsewhere."""
    try:
        return shared_client.get()
    except LookupError:
        raise NotInTask from None
