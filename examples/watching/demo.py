"""A run that is not done in time: `python -m examples.watching.demo`."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from examples.loyalty.program import Loyalty
from examples.watching.audit import auditing
from examples.watching.sla import Pager, Watch, sla
from leveret import Client
from leveret_actors import Node


async def main(url: str = "memory://watching") -> list[str]:
    told: asyncio.Queue[str] = asyncio.Queue()
    with tempfile.TemporaryDirectory() as folder:
        audit, pager = auditing(Path(folder) / "audit.db"), Pager(told.put_nowait)
        node = Node(url, workflows=[Loyalty, Watch], services=[pager], listeners=[sla, audit])
        async with node, Client(url) as client:
            ann = await client.dispatch(client.new(Loyalty, id="ann").run)
            run = str((await client.describe(ann)).data["run"])
            watch = client.get("Watch", id=run)
            while not (await watch.complete_timers()).count:  # noqa: ASYNC110 - an hour later, once it has begun
                await asyncio.sleep(0.05)
            text = await told.get()
            await ann.cancel()
    return [text]


if __name__ == "__main__":
    print(*asyncio.run(main()), sep="\n")
