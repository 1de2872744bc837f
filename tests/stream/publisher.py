"""Another process that publishes by a client: `python -m tests.stream.publisher URL FILE STAMPS RATE`.

What `tests.endtoend.foreign` does over AMQP, for any transport.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Final

from leveret import Client
from tests.stream.pace import Pace

WINDOW: Final = 500
"""Messages that the broker does not hold yet."""


async def main(url: str, file: str, stamps: str, rate: str) -> None:
    pace, slots = Pace(float(rate)), asyncio.Semaphore(WINDOW)
    async with Client(url) as client, asyncio.TaskGroup() as group:

        async def publish(routing_key: str, body: str, properties: dict[str, str], headers: dict[str, str]) -> None:
            key, content_type = properties["message_id"], properties["content_type"]
            await client.publish(
                routing_key, body.encode(), message_id=key, headers={**headers, "content_type": content_type}
            )
            slots.release()

        for line in Path(file).read_text().splitlines():
            await slots.acquire()
            if (left := pace.left) > 0:
                await asyncio.sleep(left)
            pace.stamp()
            group.create_task(publish(*json.loads(line)))
    pace.write(stamps)
    print("published", flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
