"""leveret: an empty task, its outcome sent to the mailbox of whoever waits."""

from __future__ import annotations

import asyncio
import os
import sys

from leveret.transports import make_transport
from leveret.url import Url
from leveret_actors import Node, Settings
from leveret_broker.address import MailboxQueue, ServiceQueue
from leveret_broker.codec import Codec
from leveret_broker.envelope import Envelope, Task, WorkflowCaller, encode
from tests.rivals.meter import note


class Rival:
    """Does nothing."""

    async def empty(self) -> None:
        """Count."""
        note()


async def send(tasks: int) -> None:
    """Publish so many, confirmed."""
    transport = make_transport(Url.parse(os.environ["LEVERET_URL"]))
    await transport.open(30)
    arguments = Codec().dump({})
    for number in range(tasks):
        caller = WorkflowCaller(MailboxQueue("Rival", 0), "i", "run", number)
        task = Task(f"t.{number}", "Rival", "empty", arguments, caller)
        transport.publish(ServiceQueue("Rival"), encode(Envelope(task.task_id, "", task)))
        await transport.flow()
    await transport.close()


async def work(slots: int) -> None:
    """Serve until killed."""
    await Node(services=[Rival()], settings=Settings(concurrency=slots)).run()


if __name__ == "__main__":
    what, number = sys.argv[1:]
    asyncio.run({"send": send, "work": work}[what](int(number)))
