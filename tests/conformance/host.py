"""Another process that hosts what kills it; with workflows it ends by itself once everything has been decided."""

from __future__ import annotations

import asyncio
import sys

from leveret import Client
from leveret_actors.node import Node
from leveret_actors.settings import Settings
from tests.conformance.poison import Mortal, Poison


async def host(url: str) -> None:
    """Serve until no instance is left that could be running."""
    async with Node(url, workflows=[Poison], settings=Settings(mailboxes=1, heartbeat=0.2)), Client(url) as client:
        for instance in ("poison", "before", "z"):
            handle = client.get("Poison", id=instance)
            while (await handle.describe(30)).data.get("status") not in {"blocked", "completed"}:
                pass


async def work(url: str) -> None:
    """Serve tasks until one kills."""
    await Node(url, services=[Mortal()], settings=Settings(mailboxes=1, heartbeat=0.2)).run()


if __name__ == "__main__":
    what, where = sys.argv[1:]
    asyncio.run(host(where) if what == "workflows" else work(where))
