"""Commands on their way out: one that cannot be sent keeps no other back."""

from __future__ import annotations

import asyncio

from leveret.url import Url
from leveret_actors.backends import backends
from leveret_actors.ingress import Command, CommandRefused, Contracts, Sender, Whom
from leveret_actors.mailbox.directory import Directory
from leveret_broker.address import ServiceQueue
from leveret_broker.codec import Codec


async def test_a_command_that_has_no_encoding_is_refused_and_those_around_it_go_out() -> None:
    transport, store = backends(Url.parse("memory://sender"))
    await store.open()
    await transport.open()
    queue = ServiceQueue("Approval")
    subscription = await transport.subscribe_service(queue, 10)
    sender = Sender(transport, store, Directory(transport, store, 1), Contracts({}, Codec()))

    futures = await sender.send([completing("a"), completing("b", sequence=2**70), completing("c")])
    first, second, third = await asyncio.gather(*futures, return_exceptions=True)

    assert (first, third) == (None, None)
    assert isinstance(second, CommandRefused)
    assert second.kind == "internal"
    assert len(await subscription.take()) == 2
    await transport.close()
    await store.close()


def completing(task: str, sequence: int = -1) -> Command:
    return Command(verb="complete", name="Approval", key=task, whom=Whom(task), sequence=sequence)
