"""Another process that hosts what kills it; with workflows it ends by itself once everything has been decided."""

from __future__ import annotations

import asyncio
import sys

from leveret import Client
from leveret_actors.node import Node
from leveret_actors.settings import LeaseSettings, Settings
from tests.conformance.poison import Fragile, Mortal, Poison, Tiring

FOUND_OUT_SOON = LeaseSettings(seconds=1.0, wait=0.1, deaths=3)


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


async def risk(url: str) -> None:
    """Serve tasks of which some kill, and find out soon which."""
    await Node(url, services=[Fragile()], settings=Settings(mailboxes=1, heartbeat=0.2, leases=FOUND_OUT_SOON)).run()


async def toil(url: str) -> None:
    """Serve tasks that never end here, and get leases soon."""
    leases = LeaseSettings(after=0.2, seconds=1.0)
    await Node(url, services=[Tiring()], settings=Settings(mailboxes=1, heartbeat=0.2, leases=leases)).run()


if __name__ == "__main__":
    what, where = sys.argv[1:]
    asyncio.run({"workflows": host, "services": work, "leases": toil, "fragile": risk}[what](where))
