"""Another process that hosts `Poison`; it dies of it, or ends by itself once everything has been decided."""

from __future__ import annotations

import asyncio
import sys

from leveret import Client
from leveret_actors.node import Node
from leveret_actors.settings import Settings
from tests.conformance.poison import Poison


async def host(url: str) -> None:
    """Serve until no instance is left that could be running."""
    async with Node(url, workflows=[Poison], settings=Settings(mailboxes=1, heartbeat=0.2)), Client(url) as client:
        for instance in ("poison", "before", "z"):
            handle = client.get("Poison", id=instance)
            while (await handle.describe(30)).data.get("status") not in {"blocked", "completed"}:
                pass


if __name__ == "__main__":
    asyncio.run(host(sys.argv[1]))
